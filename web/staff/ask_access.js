/*
 * Purpose and reason are asked before a recording opens; both stand in the log and the two persons see them. One that needs
 * a second person's word is asked for, and waits among the approvals; their word is for the reason it was asked with, which
 * stands in the form when it is there.
 */
import { formatMoment, tOr } from '../i18n/i18n.js';
import { list } from '../ui/api.js';
import { el, plain } from '../ui/dom.js';
import { keepAccess } from './access_kept.js';
import { formDialog, labelledField } from './dialog.js';

async function fillApproved({ api, me }, recording, purpose, reason) {
	const approvals = list(await api.get('/v1/approvals'), 'approvals');
	const mine = approvals.find((one) => one.recording === recording.id && one.who === me.user && one.state === 'approved');
	if (!mine || reason.value !== '') return;
	purpose.value = mine.purpose;
	reason.value = mine.reason;
}

/* Which one it is about. */
function subject(recording) {
	const names = ['coach', 'coachee'].map((role) => recording[role]?.name).filter(Boolean).join(' · ');
	return el('div', { class: 'subject' }, plain('strong', recording.reference || recording.id.slice(0, 8)),
		plain('span', [names, formatMoment(recording.created)].filter(Boolean).join(' — ')));
}

export function askAccess(context, recording) {
	const { api } = context;
	const offered = recording.purposes?.length ? recording.purposes : ['supervision'];
	const purpose = el('select', { required: true, test: 'access-purpose' },
		...offered.map((one) => el('option', { value: one, t: tOr(`purpose.${one}`, 'purpose.other') })));
	const reason = el('textarea', { required: true, rows: '3', minlength: '3', maxlength: '500', test: 'access-reason', 'aria-describedby': 'access-hint' });
	formDialog({
		title: 'access.title',
		lead: 'access.lead',
		test: 'access',
		fields: [subject(recording), labelledField('access-purpose', 'access.purpose', purpose), labelledField('access-reason', 'access.reason', reason),
			el('p', { class: 'hint', id: 'access-hint', t: 'access.hint' })],
		submit: { t: 'access.begin', test: 'access-begin' },
		async run() {
			const body = { purpose: purpose.value, reason: reason.value.trim() };
			const access = await api.post(`/v1/recordings/${recording.id}/accesses`, body);
			if (access.state === 'pending') {
				location.hash = '#/approvals';
				return true;
			}
			keepAccess(access.id, { recording: recording.id, ...body, expires: access.expires });
			location.hash = `#/view/${access.id}`;
			return true;
		},
	});
	if (offered.length === 1) reason.focus();
	fillApproved(context, recording, purpose, reason).catch(() => {}); // then they type it again
}
