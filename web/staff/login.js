/*
 * Sign-in with user, password and a code of the authenticator: one answer for all that can be wrong. As a page, or over
 * the page of who was signed in until now.
 */
import { action, el, replace } from '../ui/dom.js';
import { drawn } from '../ui/icons.js';
import { languageSwitch } from '../ui/language.js';
import { problemLine } from '../ui/problem.js';

function field(name, attributes) {
	const input = el('input', { id: `login-${name}`, test: `login-${name}`, required: true, ...attributes });
	return { input, node: el('div', { class: 'field' }, el('label', { for: `login-${name}`, t: `login.${name}` }), input) };
}

/* The password in clear for a moment: typed on a phone, it is wrong more often than it is overlooked. */
function reveal({ input, node }) {
	const show = el('button', { type: 'button', class: 'reveal', 'aria-pressed': 'false', label: 'login.reveal', hint: 'login.reveal', test: 'login-reveal' }, drawn('eye'));
	show.addEventListener('click', () => {
		const hidden = input.type === 'text';
		input.type = hidden ? 'password' : 'text';
		show.setAttribute('aria-pressed', String(!hidden));
	});
	const box = el('div', { class: 'revealed' });
	input.replaceWith(box);
	box.append(input, show);
	return node;
}

/* What can be done without one's password or device: nobody can look either up, an administrator gives new ones. */
function recovery() {
	return el('details', { class: 'recovery', test: 'login-recovery' }, el('summary', { t: 'login.trouble' }),
		el('ul', {}, ...['clock', 'device', 'password', 'locked'].map((what) => el('li', { t: `login.trouble.${what}` }))));
}

/* The form; `done(me)` once signed in. `user`: whose, where only theirs will do. */
function loginForm({ api, user: known, done, more = [] }) {
	const user = field('user', { autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false', value: known, readonly: Boolean(known) });
	const password = field('password', { type: 'password', autocomplete: 'current-password' });
	const totp = field('totp', { inputmode: 'numeric', autocomplete: 'one-time-code', maxlength: '6', pattern: '[0-9]{6}', class: 'code', 'aria-describedby': 'login-code-hint' });
	totp.node.append(el('p', { class: 'hint', id: 'login-code-hint', t: 'login.totp.hint' }));
	const submit = el('button', { type: 'submit', class: 'button primary large', t: 'login.submit', test: 'login-submit' });
	const problem = problemLine('login-problem');
	const form = el('form', { class: 'login-form' }, user.node, reveal(password), totp.node, problem.node, submit, ...more);
	form.addEventListener('submit', (event) => event.preventDefault());
	action(submit, async () => {
		problem.clear();
		if (!form.reportValidity()) return;
		try {
			await api.post('/v1/login', { user: user.input.value, password: password.input.value, totp: totp.input.value });
			done(await api.get('/v1/me'));
		} catch (failure) {
			totp.input.value = '';
			totp.input.focus();
			problem.show(failure);
		}
	});
	return { form, first: known ? password.input : user.input };
}

/* Resolves with {user, role} once signed in; the cookie is the browser's. */
export function login(root, api) {
	return new Promise((resolve) => {
		const { form, first } = loginForm({ api, done: resolve, more: [recovery()] });
		const promises = el('ul', { class: 'login-promises' }, ...['reason', 'named', 'kept'].map((what) => el('li', {}, drawn('check'), el('span', { t: `login.promise.${what}` }))));
		replace(root, el('main', { class: 'login-page' },
			el('section', { class: 'login-side', label: 'brand' }, el('span', { class: 'brand', t: 'brand' }), el('p', { class: 'login-word', t: 'login.word' }), promises),
			el('section', { class: 'login-main', label: 'login.title' }, el('div', { class: 'login-top' }, languageSwitch()),
				el('div', { class: 'login' }, el('h1', { t: 'login.title' }), el('p', { class: 'lead', t: 'login.lead' }), form))));
		first.focus();
	});
}

/*
 * Over the page, for the same person; resolves once they are back. Whoever would be somebody else leaves the page: what is on
 * it is not theirs.
 */
export function loginAgain(api, me) {
	return new Promise((resolve) => {
		const leave = el('button', { type: 'button', class: 'button', t: 'login.other', test: 'login-other', on: { click: () => location.reload() } });
		const { form, first } = loginForm({ api, user: me.user, more: [leave], done: (now) => {
			if (now.user !== me.user || now.role !== me.role) return location.reload();
			dialog.close();
			dialog.remove();
			resolve(now);
		} });
		const dialog = el('dialog', { class: 'ask login-again', label: 'login.again', test: 'login-again' },
			el('h2', { t: 'login.again' }), el('p', { class: 'lead', t: 'login.again.lead' }), form);
		dialog.addEventListener('cancel', (event) => event.preventDefault()); // nothing behind it would work
		document.body.append(dialog);
		dialog.showModal();
		first.focus();
	});
}
