/* Which rule decided: for a session or a recording, purpose by purpose, with every bound that was weighed. */
import { formatDate, formatDay } from '../i18n/i18n.js';
import { action, el, plain, replace } from '../ui/dom.js';
import { problemLine } from '../ui/problem.js';
import { labelledField } from './dialog.js';
import { table } from './table.js';

function ruleWords(rule) {
	return el('span', {}, el('span', { t: `policy.level.${rule.level}` }), ` ${rule.name} ${rule.version} · `,
		el('span', { t: `policy.because.${rule.because}` }));
}

/* The others that were weighed, with their ends. */
function bounds(purpose) {
	return el('span', {}, ...purpose.bounds.flatMap((bound, i) => [i ? el('br') : null, ruleWords(bound), ` · ${formatDay(bound.ends)}`]));
}

function rowsOf(terms) {
	return terms.purposes.filter(({ offered, given }) => offered || given).map((purpose) => [
		el('strong', { t: `purpose.${purpose.purpose}` }),
		el('span', { t: purpose.given ? 'policy.given' : 'policy.notGiven' }),
		plain('span', formatDay(purpose.ends)),
		plain('span', purpose.archives === purpose.ends ? '—' : formatDay(purpose.archives)),
		ruleWords(purpose.rule),
		bounds(purpose),
	]);
}

function shown(terms) {
	const summary = el('p', { test: 'terms-summary', t: ['policy.summary', { archives: formatDate(terms.archives), expires: formatDate(terms.expires) }] });
	const columns = ['policy.purpose', 'policy.consent', 'policy.ends', 'policy.archives', 'policy.decidedBy', 'policy.bounds'];
	return [summary, table(columns, rowsOf(terms), 'terms-row', 'policy.explainTitle')];
}

export function explain({ api }) {
	const id = el('input', { required: true, pattern: '[0-9a-fA-F\\-]{36}', autocomplete: 'off', spellcheck: 'false', test: 'terms-id' });
	const kind = el('select', { test: 'terms-kind' }, el('option', { value: 'recordings', t: 'grant.recording' }), el('option', { value: 'sessions', t: 'policy.session' }));
	const go = el('button', { type: 'submit', class: 'button', t: 'policy.explain', test: 'terms-show' });
	const problem = problemLine('terms-problem');
	const result = el('div', { class: 'stack' });
	const form = el('form', { class: 'row line-form' }, labelledField('terms-kind', 'policy.of', kind), labelledField('terms-id', 'policy.id', id), go);
	form.addEventListener('submit', (event) => event.preventDefault());
	action(go, async () => {
		problem.clear();
		replace(result);
		if (!form.reportValidity()) return;
		await api.get(`/v1/${kind.value}/${id.value.trim()}/terms`).then((terms) => replace(result, ...shown(terms)), problem.show);
	});
	return el('section', { class: 'card stack' }, el('h2', { t: 'policy.explainTitle' }), form, problem.node, result);
}
