/*
 * One of one's own requests, in full: its date, why it takes longer or was refused, what it waits for, what is left to be
 * destroyed outside the system, and what can be taken away from it: the copy of one's data, or the archive.
 */
import { formatDate, formatDay, tOr } from '../i18n/i18n.js';
import { action, el, plain, replace } from '../ui/dom.js';
import { problemLine } from '../ui/problem.js';
import { saveAs } from './save.js';

const POLL_MS = 1000;
const PASSPHRASE_MIN = 12;

/* Words for what is well known, and the operator's own for the rest. */
function itemWords(item) {
	const known = tOr(`checklist.${item}`, null);
	return known ? el('span', { t: known }) : plain('span', item);
}

function dates(request) {
	const lines = [];
	if (['open', 'extended'].includes(request.state)) lines.push(el('span', { t: ['request.due', { time: formatDay(request.due) }], test: 'request-due' }));
	if (request.extension) lines.push(el('span', { t: 'request.extendedWhy' }), plain('q', request.extension, { 'data-testid': 'request-extension' }));
	if (request.lifts && request.state === 'done') lines.push(el('span', { t: ['request.lifts', { time: formatDate(request.lifts) }], test: 'request-lifts' }));
	return lines;
}

function answer(request) {
	if (!request.answered || ['erased', 'frozen', 'archive', 'ended'].includes(request.reason)) return [];
	return [request.article ? plain('strong', request.article, { 'data-testid': 'request-article' }) : null, plain('q', request.reason, { 'data-testid': 'request-answer' })];
}

function obstacles(request) {
	return (request.waits_for ?? []).map((one) => el('p', { class: 'hint', test: 'request-waits' },
		el('span', { t: one.until ? [`waits.${one.why}`, { time: formatDay(one.until) }] : `waits.${one.why}` }), ' ',
		one.ground ? plain('strong', one.ground) : null, ' ', one.reason ? plain('q', one.reason) : null));
}

function checklist(request) {
	if (!request.checklist?.length) return null;
	const items = request.checklist.map(({ item, ticked, ticked_by: by }) => el('li', { test: 'request-item', 'data-ticked': String(Boolean(ticked)) },
		itemWords(item), ' ', ticked
			? el('span', { t: ['checklist.ticked', { who: String(by).replace(/^user:/, ''), time: formatDay(ticked) }] })
			: el('span', { t: 'checklist.open' })));
	return el('details', { open: true }, el('summary', { t: 'checklist.title' }), el('ul', {}, ...items));
}

function copies({ api }, request, problem) {
	const wanted = ['access', 'portability'].includes(request.type) && request.state !== 'refused';
	const one = (format, name, key) => {
		const button = el('button', { type: 'button', class: 'small', t: key, test: `copy-${format}` });
		return action(button, async () => {
			problem.clear();
			try {
				await saveAs(api, `/v1/party/requests/${request.id}/copy?format=${format}`, name);
			} catch (failure) {
				problem.show(failure);
			}
		});
	};
	return wanted ? el('div', { class: 'row' }, one('markdown', 'data.md', 'copy.read'), one('json', 'data.json', 'copy.data')) : null;
}

/* ---- the archive ---- */

function lockForm({ api, again }, request, problem) {
	const passphrase = el('input', { type: 'password', id: `passphrase-${request.id}`, autocomplete: 'new-password', minlength: PASSPHRASE_MIN, maxlength: '1000', required: true, test: 'archive-passphrase' });
	const recipient = el('input', { type: 'text', id: `recipient-${request.id}`, autocomplete: 'off', spellcheck: 'false', pattern: 'age1[0-9a-z]{58}', test: 'archive-recipient' });
	const make = el('button', { type: 'submit', class: 'button', t: 'archive.make', test: 'archive-make' });
	recipient.addEventListener('input', () => (passphrase.required = recipient.value === ''));
	const form = el('form', { class: 'request' }, el('p', { class: 'hint', t: 'archive.lead' }),
		el('div', { class: 'field' }, el('label', { for: passphrase.id, t: 'archive.passphrase' }), passphrase),
		el('details', {}, el('summary', { t: 'archive.orRecipient' }),
			el('div', { class: 'field' }, el('label', { for: recipient.id, t: 'archive.recipient' }), recipient)), make);
	form.addEventListener('submit', (event) => event.preventDefault());
	action(make, async () => {
		problem.clear();
		if (!form.reportValidity()) return;
		try {
			const lock = recipient.value ? { recipient: recipient.value } : { passphrase: passphrase.value };
			await api.post(`/v1/party/requests/${request.id}/archive`, lock);
			await again();
		} catch (failure) {
			problem.show(failure);
		}
	});
	return form;
}

/* Asks for the request until the archive is made, as long as the bar is on the page. */
function progress({ api, again }, request) {
	const bar = el('progress', { max: '1', value: String(request.archive.progress), label: 'archive.making', test: 'archive-progress' });
	const look = async () => {
		if (!bar.isConnected) return;
		const now = await api.get(`/v1/party/requests/${request.id}`).catch(() => request);
		if (now.archive.state !== 'making') return again();
		bar.value = now.archive.progress;
		setTimeout(look, POLL_MS);
	};
	setTimeout(look, POLL_MS);
	return el('div', {}, el('p', {}, el('span', { t: 'archive.making' }), ' ', bar), el('p', { class: 'hint', t: 'archive.patience' }));
}

/* Whether the other person is in it (R39), and if not, why. */
function film({ films, film_failure: failure }) {
	const one = (key) => el('p', { class: 'hint', t: key, test: 'archive-film', 'data-films': String(films ?? 0) });
	return [films > 0 ? one('archive.film') : null, failure ? one(failure === 'not_shared' ? 'archive.filmNotShared' : 'archive.filmFailed') : null];
}

function download({ api }, request, problem) {
	const button = el('button', { type: 'button', class: 'button', t: ['archive.download', { size: Math.ceil(request.archive.size / 1e6) }], test: 'archive-download' });
	action(button, async () => {
		problem.clear();
		try {
			await saveAs(api, `/v1/party/requests/${request.id}/archive`, 'aparte.zip.age');
		} catch (failure) {
			problem.show(failure);
		}
	});
	return el('div', {}, button, ...film(request.archive), el('p', { class: 'hint', t: ['archive.until', { time: formatDate(request.archive.until) }] }));
}

function archive(context, request, problem) {
	if (request.type !== 'portability' || request.state === 'refused') return null;
	const { state, failure } = request.archive ?? {};
	if (state === 'making') return progress(context, request);
	if (state === 'ready') return download(context, request, problem);
	const told = state === 'failed' ? el('p', { class: 'hint', t: 'archive.failed', 'data-failure': failure }) : null;
	return el('div', {}, told, state === 'erased' ? el('p', { class: 'hint', t: 'archive.erased' }) : null, lockForm(context, request, problem));
}

/* `context`: { api, again } */
export function requestItem(context, request) {
	const problem = problemLine('request-item-problem');
	const words = el('div', { class: 'item-words' }, el('strong', { t: tOr(`request.${request.type}`, 'request.other') }),
		el('span', { class: 'state', t: tOr(`requestState.${request.state}`, 'requestState.other') }),
		request.opened_by === 'admin' ? el('span', { t: 'request.onBehalf' }) : null, ...dates(request), ...answer(request));
	return replace(el('li', { class: 'item tall', test: 'my-request', 'data-state': request.state }), words,
		el('div', { class: 'below' }, ...obstacles(request), checklist(request), copies(context, request, problem), archive(context, request, problem), problem.node));
}
