/* Every access: who, what, why, when; newest first, in the vault's pages. */
import { formatMoment, formatSeconds, tOr } from '../i18n/i18n.js';
import { list } from '../ui/api.js';
import { el, plain } from '../ui/dom.js';
import { paged, pagesOf } from './pager.js';

const who = (access) => String(access.who ?? '').replace(/^(user|party):/, '');

/* How long it lasted; one that has not ended is under way until its time is over. */
function lasted({ begun, ended, expires }) {
	if (ended) return plain('span', formatSeconds((Date.parse(ended) - Date.parse(begun)) / 1000));
	return Date.parse(expires ?? 0) > Date.now() ? el('span', { class: 'state', t: 'access.now' }) : plain('span', '—');
}

function cells(access) {
	return [
		el('div', { class: 'lib-who' }, plain('strong', who(access)), access.role ? el('span', { t: tOr(`staffRole.${access.role}`, tOr(`role.${access.role}`, 'role.other')) }) : null),
		plain('code', access.recording.slice(0, 8), { title: access.recording }),
		el('span', { class: 'chip', t: tOr(`purpose.${access.purpose}`, 'purpose.other') }),
		plain('q', access.reason),
		plain('time', formatMoment(access.begun), { datetime: access.begun }),
		lasted(access),
	];
}

export async function accesses({ api }) {
	const answer = await api.get('/v1/accesses');
	const items = list(answer, 'accesses').sort((a, b) => (a.begun < b.begun ? 1 : -1));
	const columns = ['access.who', 'grant.recording', 'access.purpose', 'access.reason', 'access.begun', 'access.lasted'];
	const textOf = (access) => `${who(access)} ${access.recording} ${access.reason}`;
	return { nodes: [el('h1', { t: 'staff.accesses' }), el('p', { class: 'lead', t: 'access.lead.list' }),
		paged({ items, row: cells, columns, test: 'access-row', textOf, none: 'access.empty', next: answer?.next, fetchMore: pagesOf(api, '/v1/accesses', 'accesses') })] };
}
