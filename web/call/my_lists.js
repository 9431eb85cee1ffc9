/* The lists of "my data": each item in words, with dates by locale. */
import { formatDate, formatDay, formatSeconds, t, tOr } from '../i18n/i18n.js';
import { certificate } from '../ui/certificate.js';
import { action, el, plain } from '../ui/dom.js';
import { drawn } from '../ui/icons.js';
import { checkOldReceipt, receiptBadge } from '../ui/receipts.js';
import { passages } from './my_passages.js';

function stateTag(state) {
	return el('span', { class: `state state-${state}`, t: tOr(`state.${state}`, 'state.other') });
}

function endWords(recording) {
	if (recording.state === 'erased') return recording.certificate ? null : el('span', { t: 'recording.erased' });
	if (!recording.expires) return el('span', { t: 'recording.noEnd' });
	return el('span', { t: ['recording.endsAt', { time: formatDay(recording.expires) }] });
}

export function recordingList(context, recordings) {
	const { api, party, again } = context;
	const names = { [party.role]: party.name, [party.role === 'coach' ? 'coachee' : 'coach']: party.peer?.name };
	return el('ul', { class: 'items' }, ...recordings.map((recording) => {
		const can = recording.watchable === true;
		const see = el('button', { type: 'button', class: 'button', test: 'watch-open' }, drawn('play'), el('span', { t: 'recording.watch' }));
		action(see, async () => (await import('./watch.js')).watch({ api, recording, viewer: party.name ?? t(`role.${party.role}`), names, closed: again }));
		const length = recording.duration_ms ? plain('span', formatSeconds(recording.duration_ms / 1000)) : null;
		return el('li', { class: 'item tall', test: 'my-recording', 'data-state': recording.state },
			el('div', { class: 'item-words' }, plain('strong', formatDate(recording.created)), length,
				stateTag(recording.state), endWords(recording)),
			can ? see : null, recording.certificate ? certificate(recording.certificate) : null,
			el('div', { class: 'below' }, ...holds(recording), ...passages(context, recording)));
	}));
}

/* R20: what keeps it from being erased, and until when. */
function holds(recording) {
	return (recording.holds ?? []).map((hold) => el('p', { class: 'hint', test: 'recording-hold' },
		el('span', { t: ['waits.held', { time: formatDay(hold.until) }] }), ' ', plain('strong', hold.ground), ' ', plain('q', hold.reason)));
}

export function accessList(accesses) {
	return el('ul', { class: 'items' }, ...accesses.map((access) => {
		const who = /^(?:party:)?(coach|coachee)$/.exec(access.who ?? '');
		const purpose = el('span', { t: who ? 'mine.ownViewing' : tOr(`purpose.${access.purpose}`, 'purpose.other') });
		const hidden = access.who === access.role; /* the operator shows the role alone */
		const role = el('span', { t: tOr(`staffRole.${access.role}`, 'role.other'), test: 'my-access-role' });
		const name = who ? el('strong', { t: `role.${who[1]}` }) : hidden ? el('strong', {}, role) : plain('strong', String(access.who ?? '').replace(/^user:/, ''));
		return el('li', { class: 'item', test: 'my-access' }, el('div', { class: 'item-words' },
			name, who || hidden || !access.role ? null : role, plain('span', formatDate(access.begun)), purpose, who ? null : plain('q', access.reason)));
	}));
}

export async function receiptList({ party }, receipts) {
	const items = await Promise.all(receipts.map(async (receipt) => {
		const result = await checkOldReceipt(party, receipt);
		const event = result.body?.event;
		const title = event ? el('strong', { t: tOr(`event.${event}`, 'event.other') }) : el('strong', { t: `leaf.${leafName(receipt.type)}` });
		const time = plain('span', formatDate(result.body?.time ?? result.body?.event_time));
		const own = result.own ? el('span', { class: 'state', t: 'receipt.own' }) : null;
		return el('li', { class: 'item', test: 'my-receipt' },
			el('div', { class: 'item-words' }, title, time, own), receiptBadge(result, receipt, 'my-receipt-status'));
	}));
	return el('ul', { class: 'items' }, ...items);
}

function leafName(type) {
	return { 1: 'consent', 4: 'sealed', 5: 'access', 10: 'ordered', 11: 'erased' }[type] ?? 'other';
}
