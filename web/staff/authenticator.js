/*
 * Another authenticator, enrolled by oneself: both factors shown, the QR code of the new one read by the phone, a code of it
 * typed in. Until then the one of before goes on.
 */
import { formatTime } from '../i18n/i18n.js';
import { action, el, plain, replace } from '../ui/dom.js';
import { problemLine } from '../ui/problem.js';
import { labelledField } from './dialog.js';

const MODULE = 6, MARGIN = 4; /* pixels; modules of light around it, as readers need */

const codeField = (test) => el('input', { required: true, inputmode: 'numeric', autocomplete: 'one-time-code', maxlength: '6', pattern: '[0-9]{6}', class: 'code', test });

/* Dark on light also by night: many phones read nothing else. */
function picture(rows) {
	const side = (rows.length + 2 * MARGIN) * MODULE;
	const canvas = el('canvas', { class: 'qr', width: String(side), height: String(side), role: 'img', label: 'enrol.qr', test: 'enrol-qr' });
	const pen = canvas.getContext('2d');
	pen.fillStyle = '#fff';
	pen.fillRect(0, 0, side, side);
	pen.fillStyle = '#000';
	rows.forEach((row, y) => [...row].forEach((dark, x) => dark === '1' && pen.fillRect((x + MARGIN) * MODULE, (y + MARGIN) * MODULE, MODULE, MODULE)));
	return canvas;
}

function steps(place, { api, offered, done }) {
	const code = codeField('enrol-code'), problem = problemLine('enrol-problem');
	const submit = el('button', { type: 'submit', class: 'button primary', t: 'enrol.confirm', test: 'enrol-confirm' });
	const form = el('form', { class: 'enrol' }, picture(offered.qr),
		el('div', { class: 'enrol-words' }, el('ol', {}, el('li', { t: 'enrol.scan' }), el('li', {}, el('span', { t: 'enrol.type' }), ' ',
			plain('code', offered.totp_secret.replace(/(.{4})(?=.)/g, '$1 '), { test: 'enrol-secret' })), el('li', { t: ['enrol.until', { time: formatTime(offered.expires) }] })),
		labelledField('enrol-code', 'enrol.code', code), problem.node, el('div', { class: 'row end' }, submit)));
	form.addEventListener('submit', (event) => event.preventDefault());
	action(submit, async () => {
		problem.clear();
		if (!form.reportValidity()) return;
		try {
			await api.post('/v1/me/authenticator/confirm', { code: code.value });
			done();
		} catch (failure) {
			code.value = '';
			problem.show(failure.name === 'conflict' ? { name: 'lapsed' } : failure.name === 'credentials' ? { name: 'new-code' } : failure);
		}
	});
	replace(place, form);
	code.focus();
}

export function authenticator({ api }) {
	const password = el('input', { type: 'password', required: true, autocomplete: 'current-password', test: 'enrol-password' });
	const totp = codeField('enrol-totp'), problem = problemLine('enrol-start-problem'), place = el('div', {});
	const submit = el('button', { type: 'submit', class: 'button primary', t: 'enrol.begin', test: 'enrol-begin' });
	const form = el('form', { class: 'stack' }, labelledField('enrol-password', 'account.password', password), labelledField('enrol-totp', 'enrol.present', totp),
		problem.node, el('div', { class: 'row end' }, submit));
	const done = () => {
		form.reset();
		replace(place, el('p', { role: 'status', class: 'enrolled', t: 'enrol.done', test: 'enrol-done' }), form);
	};
	form.addEventListener('submit', (event) => event.preventDefault());
	action(submit, async () => {
		problem.clear();
		if (!form.reportValidity()) return;
		try {
			const offered = await api.post('/v1/me/authenticator', { password: password.value, totp: totp.value });
			steps(place, { api, offered, done });
		} catch (failure) {
			totp.value = '';
			problem.show(failure);
		}
	});
	replace(place, form);
	return el('section', { class: 'card stack', test: 'enrol' }, el('h2', { t: 'enrol.title' }), el('p', { class: 'hint', t: 'enrol.lead' }), place);
}
