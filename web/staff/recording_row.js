/* One recording in the library: whose, when, how it stands, until when, and what one may do. */
import { formatMoment, formatShortDay, formatSeconds, tOr } from '../i18n/i18n.js';
import { el, plain } from '../ui/dom.js';
import { askAccess } from './ask_access.js';
import { askErase } from './ask_erase.js';
import { nightsUntil } from './clock.js';

export const SOON_DAYS = 7;

function acts(context, recording) {
	const open = el('button', { type: 'button', class: 'button', t: 'recording.open', test: 'recording-open',
		on: { click: () => askAccess(context, recording) } });
	const erase = el('button', { type: 'button', class: 'button', t: 'recording.erase', test: 'recording-erase',
		on: { click: () => askErase(context, recording) } });
	for (const button of [open, erase]) button.setAttribute('aria-describedby', `recording-${recording.id}`);
	const playable = ['sealed', 'archived'].includes(recording.state) && context.me.role !== 'admin';
	const erasable = context.me.role === 'admin' && !['erased', 'recording'].includes(recording.state);
	return el('div', { class: 'lib-acts' }, playable ? open : null, erasable ? erase : null);
}

function whose(recording) {
	const names = ['coach', 'coachee'].map((role) => recording[role]?.name).filter(Boolean).join(' · ');
	return el('div', { class: 'lib-who' }, plain('strong', recording.reference || recording.id.slice(0, 8), { id: `recording-${recording.id}` }),
		plain('span', [names, recording.tenant].filter(Boolean).join(' — ')));
}

function when(recording) {
	return el('div', { class: 'lib-when' }, plain('time', formatMoment(recording.created), { datetime: recording.created }),
		recording.duration_ms ? plain('span', formatSeconds(recording.duration_ms / 1000)) : null);
}

/* The state, whether a second person's word is awaited or there, and what one may watch it for. */
function how(recording, approval) {
	const purposes = recording.state === 'erased' ? [] : (recording.purposes ?? []);
	const words = purposes.map((one) => el('span', { t: tOr(`purpose.${one}`, 'purpose.other') }));
	return el('div', { class: 'lib-how' }, el('div', {},
		el('span', { class: `state state-${recording.state}`, t: tOr(`state.${recording.state}`, 'state.other') }),
		approval ? el('span', { class: 'state state-waiting', t: `library.approval.${approval.state}`, test: 'recording-waiting' }) : null),
	words.length ? el('div', { class: 'lib-purposes' }, ...words) : null);
}

function end({ expires, state }) {
	if (!expires || state === 'erased') return el('div', { class: 'lib-end' });
	const days = Math.max(0, nightsUntil(expires)), soon = days <= SOON_DAYS;
	const left = days === 0 ? 'library.today' : days === 1 ? 'library.oneDay' : 'library.days';
	return el('div', { class: soon ? 'lib-end soon' : 'lib-end' }, el('span', { t: ['library.end', { time: formatShortDay(expires) }] }),
		el('span', { t: [left, { days: String(days) }] }));
}

export function row(context, recording, approval) {
	return el('li', { class: 'lib-row', test: 'recording-row', 'data-id': recording.id, 'data-state': recording.state },
		whose(recording), when(recording), how(recording, approval), end(recording), acts(context, recording));
}

/* Where one will be. */
export function placeholder() {
	return el('li', { class: 'lib-row bones', 'aria-hidden': 'true' }, el('span', { class: 'bone' }), el('span', { class: 'bone' }), el('span', { class: 'bone' }));
}
