/*
 * A list that may be very long: searched as one types, shown in portions, and where the server gives pages, the next one is
 * fetched when what is there has been shown.
 */
import { currentLanguage } from '../i18n/i18n.js';
import { list } from '../ui/api.js';
import { action, el, replace, say } from '../ui/dom.js';
import { problemLine } from '../ui/problem.js';
import { empty } from './states.js';
import { table } from './table.js';

const PORTION = 50, SEARCHED = 12;

export const counted = (n) => new Intl.NumberFormat(currentLanguage()).format(n);

/* What a cell's words are, for the search: those of its text, whatever it holds. */
function found(item, words, textOf) {
	return !words || textOf(item).toLowerCase().includes(words.toLowerCase());
}

/*
 * `items`: all there are so far; `row(item)`: its cells; `columns`, `test`, `label`: as of table(). `textOf(item)`: what is searched; without
 * it nothing is. `none`: what is said when there are none at all. `next`: the server's mark of its next page, `fetchMore(next)` answers it as
 * {items, next}.
 */
export function paged({ items, row, columns, test, label, textOf, none, hint, next, fetchMore }) {
	if (!items.length) return empty(none, { hint, test: `${test}-empty` });
	const all = [...items];
	let shown = PORTION, mark = next;
	const words = el('input', { type: 'search', label: 'pager.search', placeholder: 'pager.search', test: `${test}-search` });
	const count = el('p', { class: 'count', role: 'status', test: `${test}-count` });
	const place = el('div', { class: 'stack' });
	const more = el('button', { type: 'button', class: 'button', t: 'more', test: `${test}-more` });
	const problem = problemLine();
	const matching = () => (textOf ? all.filter((item) => found(item, words.value.trim(), textOf)) : all);
	const draw = () => {
		const some = matching();
		replace(place, some.length ? table(columns, some.slice(0, shown).map(row), test, label) : empty('pager.none', { icon: 'dash' }));
		more.hidden = some.length <= shown && !mark;
		if (some.length > PORTION || words.value) say(count, mark ? 'pager.shownOfMore' : 'pager.shown', { shown: counted(Math.min(shown, some.length)), all: counted(some.length) });
		else count.textContent = '';
	};
	action(more, async () => {
		problem.clear();
		shown += PORTION;
		if (mark && shown > matching().length) await fetchMore(mark).then((page) => {
			all.push(...page.items);
			mark = page.next;
		}, problem.show);
		draw();
	});
	words.addEventListener('input', () => {
		shown = PORTION;
		draw();
	});
	draw();
	const search = textOf && (items.length > SEARCHED || mark) ? el('div', { class: 'pager-head' }, words, count) : items.length > PORTION ? count : null;
	return el('div', { class: 'stack pager' }, search, place, problem.node, el('div', { class: 'row centre' }, more));
}

/* The pages of a server's list: `path` with its query, `name` the member. */
export function pagesOf(api, path, name) {
	const joined = path.includes('?') ? '&' : '?';
	return async (mark) => {
		const answer = await api.get(`${path}${joined}after=${encodeURIComponent(mark)}`);
		return { items: list(answer, name), next: answer?.next };
	};
}
