/* Sign-in with user, password and a code of the authenticator: one answer for all that can be wrong. */
import { action, el, replace } from '../ui/dom.js';
import { languageSwitch } from '../ui/language.js';
import { problemLine } from '../ui/problem.js';

function field(name, attributes) {
	const input = el('input', { id: `login-${name}`, test: `login-${name}`, required: true, ...attributes });
	return { input, node: el('div', { class: 'field' }, el('label', { for: `login-${name}`, t: `login.${name}` }), input) };
}

/* Resolves with {user, role} once signed in; the cookie is the browser's. */
export function login(root, api) {
	const user = field('user', { autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false' });
	const password = field('password', { type: 'password', autocomplete: 'current-password' });
	const totp = field('totp', { inputmode: 'numeric', autocomplete: 'one-time-code', maxlength: '6', pattern: '[0-9]{6}' });
	const submit = el('button', { type: 'submit', class: 'button primary large', t: 'login.submit', test: 'login-submit' });
	const problem = problemLine('login-problem');
	const form = el('form', { class: 'card login' }, el('h1', { t: 'login.title' }), el('p', { class: 'lead', t: 'login.lead' }),
		user.node, password.node, totp.node, submit, problem.node);
	replace(root, el('header', { class: 'top' }, el('span', { class: 'brand', t: 'brand' }), languageSwitch()),
		el('main', { class: 'entrance' }, form));
	user.input.focus();
	form.addEventListener('submit', (event) => event.preventDefault());
	return new Promise((resolve) => action(submit, async () => {
		problem.clear();
		if (!form.reportValidity()) return;
		try {
			await api.post('/v1/login', { user: user.input.value, password: password.input.value, totp: totp.input.value });
			resolve(await api.get('/v1/me'));
		} catch (failure) {
			totp.input.value = '';
			totp.input.focus();
			problem.show(failure);
		}
	}));
}
