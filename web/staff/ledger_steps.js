/* The steps of a check of the log, each in plain words with what it means. */
import { el } from '../ui/dom.js';
import { staffIcon } from './icons_staff.js';

const ICON = { good: 'check', bad: 'cross', none: 'dash' };

export function stepsList(steps) {
	return el('ol', { class: 'checks', test: 'ledger-steps' }, ...steps.map(({ name, state, say, values }) =>
		el('li', { test: 'ledger-step', 'data-step': name, 'data-state': state, 'data-say': say }, staffIcon(ICON[state]),
			el('span', {}, el('strong', { t: `ledger.step.${name}` }), ' ', el('span', { t: values ? [`ledger.say.${say}`, values] : `ledger.say.${say}` })))));
}
