/* A table whose cells keep their column's name, so that on a phone each row becomes a card. */
import { el, sayAttribute } from '../ui/dom.js';

/* `columns` are catalogue keys; each row is a list of nodes in that order. `label` names one of several on a page. */
export function table(columns, rows, test, label = 'table') {
	const head = el('tr', {}, ...columns.map((key) => el('th', { scope: 'col', t: key })));
	const body = rows.map((cells) =>
		el('tr', { test }, ...cells.map((cell, i) => sayAttribute(el('td', {}, cell), 'data-name', columns[i]))));
	return el('div', { class: 'table', role: 'region', tabindex: '0', label },
		el('table', {}, el('thead', {}, head), el('tbody', {}, ...body)));
}
