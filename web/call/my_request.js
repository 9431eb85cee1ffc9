/* A person's request: erasure, access, portability, restriction, rectification, objection. */
import { action, el } from '../ui/dom.js';
import { problemLine } from '../ui/problem.js';
import { makeRequest } from './my_requests.js';

const TYPES = ['erasure', 'access', 'portability', 'restriction', 'rectification', 'objection'];

export function requestForm(api, party, done) {
	const type = el('select', { id: 'request-type', test: 'request-type' }, ...TYPES.map((one) => el('option', { value: one, t: `request.${one}` })));
	const detail = el('textarea', { id: 'request-detail', rows: '2', maxlength: '2000', test: 'request-detail' });
	const send = el('button', { type: 'submit', class: 'button', t: 'request.send', test: 'request-send' });
	const problem = problemLine('request-problem');
	const form = el('form', { class: 'request' }, el('h3', { t: 'request.title' }),
		el('div', { class: 'field' }, el('label', { for: 'request-type', t: 'request.type' }), type),
		el('div', { class: 'field' }, el('label', { for: 'request-detail', t: 'request.detail' }), detail), send, problem.node);
	form.addEventListener('submit', (event) => event.preventDefault());
	action(send, async () => {
		problem.clear();
		try {
			await makeRequest(api, party, { type: type.value, detail: detail.value });
			detail.value = '';
			await done();
		} catch (failure) {
			problem.show(failure);
		}
	});
	return form;
}
