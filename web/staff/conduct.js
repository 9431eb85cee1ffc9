/* The code of conduct in force: read, its quiz answered where one is set, acknowledged. Admins see who has. */
import { currentLanguage, formatDay } from '../i18n/i18n.js';
import { action, el, plain } from '../ui/dom.js';
import { problemLine } from '../ui/problem.js';
import { table } from './table.js';

function question(one, number) {
	const choices = one.choices.map((choice, i) => el('label', { class: 'choice' },
		el('input', { type: 'radio', name: `question-${number}`, value: String(i), required: true }), plain('span', choice)));
	return el('fieldset', { class: 'question', test: 'conduct-question' }, plain('legend', one.text), ...choices);
}

/* What was chosen, in order; the form's validity has seen to it that something was. */
function answers(form, count) {
	return Array.from({ length: count }, (_, i) => Number(new FormData(form).get(`question-${i}`)));
}

function acknowledgement({ api, again }, code) {
	const problem = problemLine('conduct-problem');
	const read = el('input', { type: 'checkbox', required: true, test: 'conduct-read' });
	const submit = el('button', { type: 'submit', class: 'button primary', t: 'conduct.acknowledge', test: 'conduct-acknowledge' });
	const quiz = code.questions.length ? [el('h2', { t: 'conduct.quiz' }), el('p', { class: 'hint', t: ['conduct.quizLead', { percent: String(code.pass_percent) }] })] : [];
	const form = el('form', { class: 'card conduct-form' }, ...quiz, ...code.questions.map(question),
		el('label', { class: 'choice conduct-read' }, read, el('span', { t: 'conduct.read' })), problem.node, el('div', { class: 'row end' }, submit));
	form.addEventListener('submit', (event) => event.preventDefault());
	action(submit, async () => {
		problem.clear();
		if (!form.reportValidity()) return;
		const body = { version: code.version, sha256: code.sha256, answers: answers(form, code.questions.length) };
		await api.post('/v1/conduct/acknowledgements', body).then(again, (failure) =>
			problem.show(failure.name === 'invalid' ? { name: 'quiz' } : failure));
	});
	return form;
}

async function status({ api, me }) {
	if (!['admin', 'auditor'].includes(me.role)) return [];
	const { users } = await api.get('/v1/conduct/status');
	const rows = users.map((user) => [plain('strong', user.user), plain('span', user.role), plain('span', user.version ? String(user.version) : '—'),
		plain('span', user.acknowledged ? formatDay(user.acknowledged) : '—')]);
	return [el('h2', { t: 'conduct.status' }), table(['login.user', 'review.role', 'conduct.version', 'conduct.when'], rows, 'conduct-row')];
}

export async function conduct(context) {
	const code = await context.api.get(`/v1/conduct?lang=${currentLanguage()}`);
	const due = code.acknowledged < code.version;
	const words = code.text.map((paragraph) => plain('p', paragraph));
	const done = el('p', { class: 'lead', t: ['conduct.done', { version: code.acknowledged }], test: 'conduct-done' });
	return {
		nodes: [el('h1', { t: 'staff.conduct' }), due ? el('p', { class: 'lead', t: 'conduct.lead' }) : done,
			el('article', { class: 'card conduct' }, el('p', { class: 'hint', t: ['conduct.versionIs', { version: code.version }] }), plain('h2', code.title), ...words),
			due ? acknowledgement(context, code) : null, ...(await status(context))].filter(Boolean),
	};
}
