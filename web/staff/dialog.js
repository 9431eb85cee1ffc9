/* A dialog with a form: title, fields, one act, cancel. Escape closes it; failures are told in it. */
import { action, el } from '../ui/dom.js';
import { problemLine } from '../ui/problem.js';

/*
 * `run` does the act and answers true to close. `submit` are the button's attributes. `fields` are nodes.
 */
export function formDialog({ title, lead, fields, submit, run, test }) {
	const problem = problemLine(`${test}-problem`);
	const go = el('button', { type: 'submit', class: 'button primary', ...submit });
	const cancel = el('button', { type: 'button', class: 'button', t: 'cancel' });
	const form = el('form', {}, el('h2', { t: title }), lead ? el('p', { class: 'lead', t: lead }) : null, ...fields,
		problem.node, el('div', { class: 'row end' }, cancel, go));
	const dialog = el('dialog', { class: 'ask', test, label: title }, form);
	form.addEventListener('submit', (event) => event.preventDefault());
	cancel.addEventListener('click', () => dialog.close());
	dialog.addEventListener('close', () => dialog.remove());
	action(go, async () => {
		problem.clear();
		if (!form.reportValidity()) return;
		try {
			if (await run({ dialog, form })) dialog.close();
		} catch (failure) {
			problem.show(failure);
		}
	});
	document.body.append(dialog);
	dialog.showModal();
	return dialog;
}

export function labelledField(id, key, input) {
	input.id = id;
	return el('div', { class: 'field' }, el('label', { for: id, t: key }), input);
}
