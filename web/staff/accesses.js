/* Every access: who, when, what, why. */
import { formatDate, tOr } from '../i18n/i18n.js';
import { list } from '../ui/api.js';
import { el, plain } from '../ui/dom.js';
import { table } from './table.js';

export async function accesses({ api }) {
	const all = list(await api.get('/v1/accesses'), 'accesses');
	all.sort((a, b) => (a.begun < b.begun ? 1 : -1));
	const rows = all.slice(0, 500).map((access) => [
		plain('strong', String(access.who ?? '').replace(/^(user|party):/, '')),
		plain('span', access.recording.slice(0, 8)),
		el('span', { t: tOr(`purpose.${access.purpose}`, 'purpose.other') }),
		plain('q', access.reason),
		plain('span', formatDate(access.begun)),
		plain('span', access.ended ? formatDate(access.ended) : '—'),
	]);
	const columns = ['access.who', 'grant.recording', 'access.purpose', 'access.reason', 'access.begun', 'access.ended'];
	const body = rows.length ? table(columns, rows, 'access-row') : el('p', { class: 'empty', t: 'access.empty' });
	return { nodes: [el('h1', { t: 'staff.accesses' }), body] };
}
