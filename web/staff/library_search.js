/* The library's search: words, state, dates, what ends soon, what waits; asked a moment after the last key. */
import { el } from '../ui/dom.js';
import { SOON_DAYS } from './recording_row.js';

const STATES = ['recording', 'sealed', 'archived', 'restricted', 'erased'];
const PAUSE_MS = 250;
const DAY = 86_400_000;

function toggle(test, words, on) {
	return el('button', { type: 'button', class: 'toggle', test, t: words, 'aria-pressed': String(Boolean(on)) });
}

const pressed = (button) => button.getAttribute('aria-pressed') === 'true';

function dated(id, key, value) {
	const input = el('input', { id, type: 'date', test: id, value: value ?? '' });
	return { input, node: el('div', { class: 'dated' }, el('label', { for: id, t: key }), input) };
}

/* The day after, since `to` is before and a person means the whole day. */
const nextDay = (day) => (day ? new Date(Date.parse(day) + DAY).toISOString().slice(0, 10) : '');
const dayBefore = (day) => (day ? new Date(Date.parse(day) - DAY).toISOString().slice(0, 10) : '');

/* `kept`: what was asked before; `waiting`: how many wait; `changed(wish)`: ask this now. */
export function searchFields({ kept, waiting, changed, me }) {
	const words = el('input', { type: 'search', label: 'recording.search', placeholder: me.role === 'admin' ? 'library.searchAdmin' : 'library.search',
		test: 'recording-search', value: kept.q ?? '', enterkeyhint: 'search', maxlength: '128' });
	const state = el('select', { label: 'recording.filter', test: 'recording-filter' }, el('option', { value: '', t: 'recording.allStates' }),
		...STATES.map((one) => el('option', { value: one, t: `state.${one}`, selected: kept.state === one })));
	const from = dated('library-from', 'library.from', kept.from), to = dated('library-to', 'library.to', dayBefore(kept.to));
	const soon = toggle('library-soon', ['library.soon', { days: String(SOON_DAYS) }], kept.soon);
	const wait = toggle('library-waiting', ['library.waiting', { count: String(waiting) }], kept.waiting);
	wait.hidden = waiting === 0;
	let timer = 0;
	const now = () => {
		clearTimeout(timer);
		changed({ q: words.value.trim(), state: state.value, from: from.input.value, to: nextDay(to.input.value),
			soon: pressed(soon) ? new Date(Date.now() + SOON_DAYS * DAY).toISOString() : '', waiting: pressed(wait) });
	};
	words.addEventListener('input', () => {
		clearTimeout(timer);
		timer = setTimeout(now, PAUSE_MS);
	});
	for (const field of [state, from.input, to.input]) field.addEventListener('change', now);
	for (const button of [soon, wait]) button.addEventListener('click', () => {
		button.setAttribute('aria-pressed', String(!pressed(button)));
		now();
	});
	const clear = () => {
		for (const field of [words, state, from.input, to.input]) field.value = '';
		for (const button of [soon, wait]) button.setAttribute('aria-pressed', 'false');
		now();
		words.focus();
	};
	const node = el('search', { class: 'library-search', label: 'library.search' }, words, state, from.node, to.node, soon, wait);
	return { node, clear, close: () => clearTimeout(timer) };
}
