/* What a change would do, before it is made: what differs, whom it concerns, and as a picture how many recordings end when. */
import { action, el, plain } from '../ui/dom.js';
import { policyPicture } from './policy_picture.js';
import { table } from './table.js';

const words = (value) => (value === undefined ? '—' : typeof value === 'object' ? JSON.stringify(value) : String(value));

function differences(changes) {
	const rows = changes.map(({ path, from, to }) => [plain('code', path), plain('span', words(from), { class: 'from' }), plain('strong', words(to))]);
	return rows.length ? table(['policy.rule', 'policy.from', 'policy.to'], rows, 'policy-change', 'policy.previewTitle') : el('p', { class: 'empty', t: 'policy.same' });
}

function moves(notice) {
	const items = notice.purposes.map(({ purpose, change }) => el('li', { class: `move move-${change}` }, el('strong', { t: `purpose.${purpose}` }), el('span', { t: `policy.move.${change}` })));
	return el('div', { class: 'stack' }, items.length ? el('ul', { class: 'moves' }, ...items) : null, notice.wider ? el('p', { class: 'remark', t: 'policy.wider', test: 'policy-wider' }) : null);
}

export function preview(context, path, document, seen, fail) {
	const apply = el('button', { type: 'button', class: seen.at_once ? 'button danger' : 'button primary',
		t: seen.at_once ? ['policy.applyErase', { n: seen.at_once }] : 'policy.apply', test: 'policy-apply' });
	action(apply, () => context.api.put(`${path}?preview=${encodeURIComponent(seen.token)}`, document).then(context.again, fail));
	return [el('section', { class: 'card stack' },
		el('h2', { t: 'policy.previewTitle' }), moves(seen.notice),
		el('p', { role: 'status', test: 'policy-counts', 'data-at-once': String(seen.at_once), 'data-total': String(seen.total),
			t: ['policy.counts', { total: seen.total, at_once: seen.at_once, held: seen.held }] }),
		...policyPicture(seen), el('h3', { t: 'policy.changes' }), differences(seen.changes),
		el('div', { class: 'row end' }, apply))];
}
