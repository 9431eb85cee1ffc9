/* A policy edited: one line per purpose, then the preview, then the act. What the form does not show stays as it is. */
import { action, el, replace } from '../ui/dom.js';
import { problemLine } from '../ui/problem.js';
import { preview } from './policy_preview.js';

function number(value, test, label) {
	return el('input', { type: 'number', min: '1', max: '99999', value: value ?? '', test, label });
}

function unitChoice(units, chosen, test) {
	const select = el('select', { label: 'policy.unitName', test }, ...units.map((unit) => el('option', { value: unit, t: `policy.unitWord.${unit}` })));
	select.value = chosen;
	return select;
}

const unitOf = (units, value) => units.find((unit) => value?.[unit] !== undefined) ?? 'days';

/* Number and unit, read back as {"days":30}; nothing while the number is empty. */
function periodFields(units, value, test, label) {
	const unit = unitOf(units, value);
	const amount = number(value?.[unit], `${test}-number`, label);
	const choice = unitChoice(units, unit, `${test}-unit`);
	return { nodes: [amount, choice], read: () => (amount.value ? { [choice.value]: Number(amount.value) } : null), amount };
}

function purposeLine(purpose, entry, units) {
	const state = el('select', { label: 'policy.state', test: `policy-${purpose}-state` },
		...['unlisted', 'off', 'on'].map((one) => el('option', { value: one, t: `policy.state.${one}` })));
	state.value = !entry ? 'unlisted' : entry.off ? 'off' : 'on';
	const keep = periodFields(units, entry, `policy-${purpose}`, 'policy.keep');
	const archive = periodFields(units, entry?.archive_after, `policy-${purpose}-archive`, 'policy.archiveAfter');
	const reason = el('input', { maxlength: '500', value: entry?.reason ?? '', label: 'policy.reason', placeholder: 'policy.reason', test: `policy-${purpose}-reason` });
	const fit = () => {
		const on = state.value === 'on';
		for (const node of [...keep.nodes, ...archive.nodes]) node.disabled = !on;
		reason.disabled = state.value === 'unlisted';
		keep.amount.required = on;
		reason.required = state.value !== 'unlisted';
	};
	state.addEventListener('change', fit);
	fit();
	const read = () => {
		if (state.value === 'unlisted') return undefined;
		if (state.value === 'off') return { off: true, reason: reason.value.trim() };
		const made = { ...keep.read(), reason: reason.value.trim() };
		if (archive.read()) made.archive_after = archive.read();
		if (entry?.after_decision) made.after_decision = entry.after_decision;
		return made;
	};
	const group = el('fieldset', { class: 'rule', test: 'policy-line' }, el('legend', { t: `purpose.${purpose}` }), state,
		el('span', { class: 'row' }, ...keep.nodes), el('span', { class: 'row' }, el('span', { t: 'policy.archiveAfter' }), ...archive.nodes), reason);
	return { group, read };
}

function tierLine(tier, units) {
	const keep = periodFields(units, tier, 'policy-protected', 'policy.keep');
	const eyes = el('input', { type: 'checkbox', id: 'policy-four-eyes', test: 'policy-four-eyes' });
	eyes.checked = tier?.four_eyes === true;
	const reason = el('input', { maxlength: '500', value: tier?.reason ?? '', label: 'policy.reason', placeholder: 'policy.reason', test: 'policy-protected-reason' });
	const read = () => (keep.read() ? { ...keep.read(), four_eyes: eyes.checked, reason: reason.value.trim() } : undefined);
	const group = el('fieldset', { class: 'rule tier' }, el('legend', { t: 'policy.protected' }), el('span', { class: 'row' }, ...keep.nodes),
		el('span', { class: 'row' }, eyes, el('label', { for: 'policy-four-eyes', t: 'policy.fourEyes' })), reason);
	return { group, read };
}

export function policyForm(context, answer, purposes, units) {
	const before = answer.document;
	const why = el('textarea', { required: true, rows: '2', maxlength: '2000', label: 'policy.whole', test: 'policy-reason' });
	why.value = before.reason;
	const lines = purposes.map((purpose) => ({ purpose, ...purposeLine(purpose, before.purposes?.[purpose], units) }));
	const tier = tierLine(before.protected, units);
	const look = el('button', { type: 'submit', class: 'button primary', t: 'policy.preview', test: 'policy-preview' });
	const problem = problemLine('policy-problem');
	const detail = el('p', { class: 'detail', test: 'policy-detail' });
	const result = el('div', { class: 'stack', test: 'policy-result' });
	const form = el('form', { class: 'stack' }, why, ...lines.map(({ group }) => group), tier.group, el('div', { class: 'row end' }, look));
	form.addEventListener('submit', (event) => event.preventDefault());
	form.addEventListener('input', () => replace(result)); /* what was previewed is not what would be applied any more */
	const read = () => {
		const entries = lines.map(({ purpose, read }) => [purpose, read()]).filter(([, entry]) => entry);
		const made = { ...before, reason: why.value.trim(), purposes: Object.fromEntries(entries), protected: tier.read() };
		return JSON.parse(JSON.stringify(made)); /* without what is undefined */
	};
	const fail = (failure) => {
		problem.show(failure);
		detail.textContent = failure.detail ?? '';
	};
	action(look, async () => {
		problem.clear();
		detail.textContent = '';
		replace(result);
		if (!form.reportValidity()) return;
		const document = read();
		const path = `/v1/policies/${encodeURIComponent(answer.name)}`;
		await context.api.post(`${path}/preview`, document).then((seen) => replace(result, ...preview(context, path, document, seen, fail)), fail);
	});
	const title = el('h2', { t: 'policy.edit' });
	return el('section', { class: 'stack' }, title, el('p', { class: 'lead', t: 'policy.editLead' }), form, problem.node, detail, result);
}
