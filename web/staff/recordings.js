/*
 * The recordings one may know of, newest first: search, state filter, shown in portions so that ten thousand do not
 * hang the page. Opening one asks for purpose and reason first.
 */
import { formatDate, formatDay, formatSeconds, tOr } from '../i18n/i18n.js';
import { list } from '../ui/api.js';
import { el, plain, replace } from '../ui/dom.js';
import { askAccess } from './ask_access.js';
import { askErase } from './ask_erase.js';

const PORTION = 50;
const STATES = ['recording', 'sealed', 'archived', 'restricted', 'erased'];

function acts(context, recording) {
	const open = el('button', { type: 'button', class: 'button', t: 'recording.open', test: 'recording-open',
		on: { click: () => askAccess(context, recording) } });
	const erase = el('button', { type: 'button', class: 'button', t: 'recording.erase', test: 'recording-erase',
		on: { click: () => askErase(context, recording) } });
	const playable = ['sealed', 'archived'].includes(recording.state) && context.me.role !== 'admin';
	const erasable = context.me.role === 'admin' && !['erased', 'recording'].includes(recording.state);
	return el('div', { class: 'row' }, playable ? open : null, erasable ? erase : null);
}

function row(context, recording) {
	const purposes = (recording.state === 'erased' ? [] : (recording.purposes ?? [])).map((purpose) => el('span', { class: 'chip', t: tOr(`purpose.${purpose}`, 'purpose.other') }));
	const end = recording.expires && recording.state !== 'erased'
		? el('span', { t: ['recording.endsAt', { time: formatDay(recording.expires) }] }) : null;
	return el('li', { class: 'item', test: 'recording-row', 'data-id': recording.id, 'data-state': recording.state },
		el('div', { class: 'item-words' }, plain('strong', recording.reference || recording.id.slice(0, 8)),
			plain('span', formatDate(recording.created)),
			recording.duration_ms ? plain('span', formatSeconds(recording.duration_ms / 1000)) : null,
			el('span', { class: `state state-${recording.state}`, t: tOr(`state.${recording.state}`, 'state.other') }), end, ...purposes),
		acts(context, recording));
}

function matches(recording, words, state) {
	const text = `${recording.reference ?? ''} ${recording.id} ${recording.created}`.toLowerCase();
	return (!state || recording.state === state) && text.includes(words.toLowerCase());
}

/* Draws the first portion of what matches, and one more each time it is asked for. */
function library(context, all) {
	const words = el('input', { type: 'search', label: 'recording.search', placeholder: 'recording.search', test: 'recording-search' });
	const state = el('select', { label: 'recording.filter', test: 'recording-filter' }, el('option', { value: '', t: 'recording.allStates' }),
		...STATES.map((one) => el('option', { value: one, t: `state.${one}` })));
	const items = el('ul', { class: 'items' });
	const more = el('button', { type: 'button', class: 'button', t: 'more', test: 'more' });
	const count = el('p', { class: 'count', role: 'status' });
	let shown = PORTION;
	const draw = () => {
		const found = all.filter((recording) => matches(recording, words.value, state.value));
		replace(items, ...found.slice(0, shown).map((recording) => row(context, recording)));
		more.hidden = found.length <= shown;
		replace(count, el('span', { t: found.length ? ['recording.count', { count: found.length }] : 'recording.none' }));
	};
	const fresh = () => {
		shown = PORTION;
		draw();
	};
	words.addEventListener('input', fresh);
	state.addEventListener('change', fresh);
	more.addEventListener('click', () => {
		shown += PORTION;
		draw();
	});
	draw();
	return [el('div', { class: 'filters' }, words, state), count, items, more];
}

export async function recordings(context) {
	const all = list(await context.api.get('/v1/recordings'), 'recordings');
	all.sort((a, b) => (a.created < b.created ? 1 : -1));
	const body = all.length ? library(context, all) : [el('p', { class: 'empty', t: 'recording.empty' })];
	return { nodes: [el('h1', { t: 'staff.recordings' }), ...body] };
}
