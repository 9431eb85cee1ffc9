/* One's own password and authenticator: both factors are shown anew; all other logins of oneself end. */
import { action, el } from '../ui/dom.js';
import { problemLine } from '../ui/problem.js';
import { authenticator } from './authenticator.js';
import { labelledField } from './dialog.js';

export async function account({ api, me }) {
	const password = el('input', { type: 'password', required: true, autocomplete: 'current-password', test: 'account-password' });
	const totp = el('input', { required: true, inputmode: 'numeric', autocomplete: 'one-time-code', maxlength: '6', pattern: '[0-9]{6}', test: 'account-totp' });
	const chosen = el('input', { type: 'password', required: true, minlength: '12', maxlength: '256', autocomplete: 'new-password', test: 'account-new' });
	const user = el('input', { type: 'text', autocomplete: 'username', value: me.user, hidden: true });
	const submit = el('button', { type: 'submit', class: 'button primary', t: 'account.change', test: 'account-change' });
	const problem = problemLine('account-problem');
	const done = el('p', { role: 'status', t: 'account.done', test: 'account-done', hidden: true });
	const form = el('form', { class: 'card' }, el('h2', { t: 'account.title' }), user, labelledField('account-password', 'account.password', password),
		labelledField('account-totp', 'login.totp', totp), labelledField('account-new', 'account.new', chosen), el('p', { class: 'hint', t: 'account.rule' }),
		problem.node, done, el('div', { class: 'row end' }, submit));
	form.addEventListener('submit', (event) => event.preventDefault());
	action(submit, async () => {
		problem.clear();
		done.hidden = true;
		if (!form.reportValidity()) return;
		try {
			await api.post('/v1/me/password', { password: password.value, totp: totp.value, new: chosen.value });
			form.reset();
			done.hidden = false;
		} catch (failure) {
			totp.value = '';
			problem.show(failure.name === 'invalid' ? { name: 'weak' } : failure);
		}
	});
	return { nodes: [el('h1', { t: 'staff.account' }), el('p', { class: 'lead', t: 'account.lead' }), el('div', { class: 'account' }, form, authenticator({ api }))] };
}
