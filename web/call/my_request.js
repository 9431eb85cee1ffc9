/* A person's request: erasure, access, portability, restriction, rectification, objection. */
import { action, el, replace } from '../ui/dom.js';
import { problemLine } from '../ui/problem.js';
import { makeRequest } from './my_requests.js';

const TYPES = ['erasure', 'access', 'portability', 'restriction', 'rectification', 'objection'];

/* What a type asks besides words: each answers its nodes, and what of them goes into the request. */
function rectification(party) {
	const name = el('input', { type: 'text', id: 'request-name', maxlength: '200', value: party.name ?? '', test: 'request-name' });
	const locale = el('select', { id: 'request-locale', test: 'request-locale' }, ...['fr', 'en'].map((one) => el('option', { value: one, t: `locale.${one}` })));
	locale.value = String(party.locale).slice(0, 2);
	return {
		nodes: [el('div', { class: 'field' }, el('label', { for: 'request-name', t: 'request.name' }), name),
			el('div', { class: 'field' }, el('label', { for: 'request-locale', t: 'request.locale' }), locale)],
		wish: () => ({ changes: { name: name.value, locale: locale.value } }),
	};
}

function objection(party) {
	const offered = party.purposes_offered ?? [];
	const boxes = offered.map((purpose) => el('input', { type: 'checkbox', value: purpose, id: `object-${purpose}`, test: `object-${purpose}` }));
	return {
		nodes: [el('fieldset', {}, el('legend', { t: 'request.objectTo' }), ...boxes.map((box) =>
			el('div', { class: 'row' }, box, el('label', { for: box.id, t: `purpose.${box.value}` }))))],
		wish: () => {
			const purposes = boxes.filter(({ checked }) => checked).map(({ value }) => value);
			return purposes.length ? { purposes } : {};
		},
	};
}

const PARTS = { rectification, objection };

export function requestForm(api, party, done) {
	const type = el('select', { id: 'request-type', test: 'request-type' }, ...TYPES.map((one) => el('option', { value: one, t: `request.${one}` })));
	const lead = el('p', { class: 'hint', test: 'request-lead' });
	const more = el('div', {});
	const detail = el('textarea', { id: 'request-detail', rows: '2', maxlength: '2000', test: 'request-detail' });
	const send = el('button', { type: 'submit', class: 'button', t: 'request.send', test: 'request-send' });
	const problem = problemLine('request-problem');
	let part = null;
	const choose = () => {
		part = PARTS[type.value]?.(party) ?? null;
		replace(lead, el('span', { t: `request.${type.value}.about` }));
		replace(more, ...(part?.nodes ?? []));
	};
	type.addEventListener('change', choose);
	choose();
	const form = el('form', { class: 'request' }, el('h3', { t: 'request.title' }),
		el('div', { class: 'field' }, el('label', { for: 'request-type', t: 'request.type' }), type), lead, more,
		el('div', { class: 'field' }, el('label', { for: 'request-detail', t: 'request.detail' }), detail), send, problem.node);
	form.addEventListener('submit', (event) => event.preventDefault());
	action(send, async () => {
		problem.clear();
		try {
			await makeRequest(api, party, { type: type.value, detail: detail.value, ...part?.wish() });
			detail.value = '';
			await done();
		} catch (failure) {
			problem.show(failure);
		}
	});
	return form;
}
