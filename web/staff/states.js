/* What a view shows while it has nothing to show: being loaded, empty, failed, not this person's. */
import { el, plain } from '../ui/dom.js';
import { problemKey } from '../ui/problem.js';
import { staffIcon } from './icons_staff.js';

/* Grey shapes where the content comes, told once to a screen reader. */
export function skeleton(lines = 6) {
	return el('div', { class: 'skeleton', role: 'status' }, el('span', { class: 'unseen', t: 'loading' }), el('span', { class: 'bone title' }),
		...Array.from({ length: lines }, () => el('span', { class: 'bone' })));
}

/* `key` says what is not there, `hint` what would bring something. */
export function empty(key, { hint, icon = 'calm', test } = {}) {
	return el('div', { class: 'blank', test }, staffIcon(icon), el('p', { class: 'blank-title', t: key }), hint ? el('p', { t: hint }) : null);
}

const KINDS = { network: 'offline', 'vault-unavailable': 'offline', lockdown: 'holds', role: 'all', rate: 'warn' };

/*
 * A failure of a whole view: what happened and what helps. Who is signed in no more signs in again; what is down is asked again.
 */
export function failure(error, again) {
	const over = error.status === 401;
	const name = over ? 'signedOut' : error.name in KINDS && error.name !== 'role' ? error.name : 'other';
	const act = el('button', { type: 'button', class: 'button primary', t: over ? 'states.signIn' : 'retry', test: 'view-again',
		on: { click: () => (over ? location.reload() : again()) } });
	return el('section', { class: 'blank failed', role: 'alert', test: 'view-problem', 'data-error': error.name ?? 'other' },
		staffIcon(over ? 'key' : KINDS[error.name] ?? 'warn'), el('h1', { t: `states.${name}` }),
		el('p', { t: over ? 'states.signedOutHint' : error.name === 'vault-unavailable' ? 'states.vaultHint' : problemKey(error) }), error.name === 'role' ? null : act);
}

/* One part of a view that failed; what concerns all platforms is no failure for an admin of one. */
export function partFailure(error, again) {
	if (error.name === 'role')
		return el('p', { class: 'remark', test: 'not-yours' }, staffIcon('all'), el('span', { t: 'states.notYours' }));
	const retry = again ? el('button', { type: 'button', class: 'small', t: 'retry', on: { click: again } }) : null;
	return el('div', { class: 'part-failed', role: 'alert', 'data-error': error.name ?? 'other' }, staffIcon('warn'), el('span', { t: problemKey(error) }), retry);
}

/* A card with a title that loads by itself: none hides or delays the others. `load` answers what `draw` makes nodes of. */
export function part({ title, test, act, wide, load, draw }) {
	const body = el('div', { class: 'stack part-body', 'aria-busy': 'true' }, skeleton(3));
	const card = el('section', { class: wide ? 'card part wide' : 'card part', test },
		el('div', { class: 'row between part-head' }, el('h2', { t: title }), act), body);
	const run = async () => {
		body.setAttribute('aria-busy', 'true');
		const nodes = await Promise.resolve().then(load).then(draw).catch((error) => partFailure(error, run));
		body.replaceChildren(...[nodes].flat().filter(Boolean));
		body.removeAttribute('aria-busy');
	};
	card.ready = run();
	card.again = run;
	return card;
}

/* A number with what it counts; `tone`: late, soon, live or nothing; `href`: where it leads. */
export function tile({ key, value, hint, tone, href, test }) {
	const inner = [el('span', { class: 'tile-name', t: key }), plain('strong', value, { class: 'tile-value' }),
		hint ? el('span', { class: 'tile-hint', t: hint }) : null];
	return el(href ? 'a' : 'div', { class: 'tile', href, test, 'data-tone': tone }, ...inner);
}
