/* Erasure by an admin, and the certificate that proves it, verified in the page. */
import { el, plain, replace } from '../ui/dom.js';
import { checkReceipt, receiptBadge } from '../ui/receipts.js';
import { formDialog } from './dialog.js';

async function showCertificate(dialog, certificate, again) {
	const result = await checkReceipt(certificate);
	const close = el('button', { type: 'button', class: 'button primary', t: 'close', test: 'certificate-close' });
	close.addEventListener('click', () => {
		dialog.close();
		again();
	});
	const body = plain('pre', JSON.stringify(result.body ?? {}, null, 2), { class: 'certificate-body', tabindex: '0', label: 'erase.certificate' });
	replace(dialog, el('h2', { t: 'erase.done' }), receiptBadge(result, certificate, 'certificate'), body, el('div', { class: 'row end' }, close));
}

export function askErase({ api, again }, recording) {
	const name = plain('p', recording.reference || recording.id, { class: 'subject' });
	formDialog({
		title: 'erase.title',
		lead: 'erase.lead',
		test: 'erase',
		fields: [name],
		submit: { t: 'erase.confirm', test: 'erase-confirm' },
		async run({ dialog }) {
			await showCertificate(dialog, await api.post('/v1/erasures', { recording: recording.id }), again);
			return false;
		},
	});
}
