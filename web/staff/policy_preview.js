/* What a change would do, before it is made: what differs, whom it concerns, how many recordings end on which day. */
import { formatDay } from '../i18n/i18n.js';
import { action, el, plain } from '../ui/dom.js';
import { table } from './table.js';

function differences(changes) {
	const words = (value) => (value === undefined ? '—' : typeof value === 'object' ? JSON.stringify(value) : String(value));
	const rows = changes.map(({ path, from, to }) => [plain('code', path), plain('span', words(from)), plain('span', words(to))]);
	return rows.length ? table(['policy.rule', 'policy.from', 'policy.to'], rows, 'policy-change', 'policy.previewTitle') : el('p', { class: 'empty', t: 'policy.same' });
}

function moves(notice) {
	const items = notice.purposes.map(({ purpose, change }) =>
		el('li', {}, el('span', { t: `purpose.${purpose}` }), ' · ', el('span', { t: `policy.move.${change}` })));
	return el('div', {}, items.length ? el('ul', {}, ...items) : null, notice.wider ? el('p', { t: 'policy.wider', test: 'policy-wider' }) : null);
}

function days(seen) {
	if (!seen.total) return el('p', { class: 'empty', t: 'policy.nobody', test: 'policy-nobody' });
	const rows = seen.days.map(({ day, count }) => [plain('span', formatDay(`${day}T12:00:00Z`)), plain('span', count)]);
	return table(['policy.day', 'policy.count'], rows, 'policy-day', 'policy.day');
}

export function preview(context, path, document, seen, fail) {
	const apply = el('button', { type: 'button', class: 'button primary',
		t: seen.at_once ? ['policy.applyErase', { n: seen.at_once }] : 'policy.apply', test: 'policy-apply' });
	action(apply, () => context.api.put(`${path}?preview=${encodeURIComponent(seen.token)}`, document).then(context.again, fail));
	return [
		el('h3', { t: 'policy.previewTitle' }),
		differences(seen.changes),
		moves(seen.notice),
		el('p', { role: 'status', test: 'policy-counts', 'data-at-once': String(seen.at_once), 'data-total': String(seen.total),
			t: ['policy.counts', { total: seen.total, at_once: seen.at_once, held: seen.held }] }),
		days(seen),
		el('div', { class: 'row end' }, apply),
	];
}
