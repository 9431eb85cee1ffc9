/*
 * A certificate of erasure as its reader needs it: since when it is erased, from when no copy anywhere can be opened, both
 * parts verified here, and the file to keep. The second part comes with the turnover of the key (docs/FORMAT.md).
 */
import { formatDate } from '../i18n/i18n.js';
import { el } from './dom.js';
import { checkReceipt, receiptBadge } from './receipts.js';

/* Both parts hold, and the second is of the key that the first waits for. {verified, body?, until?} */
export async function checkCertificate(proof) {
	const first = await checkReceipt(proof);
	if (!first.verified || !proof.turnover) return first;
	const second = await checkReceipt(proof.turnover);
	const same = second.verified && second.body.kek_id === first.body.kek_id && second.body.unrecoverable_at === proof.unrecoverable_at;
	return same ? { ...first, until: proof.unrecoverable_at } : { verified: false, body: first.body };
}

/* Nothing of what is to come is said of one that does not hold. */
function copies({ verified, until }, test) {
	if (until) return [el('p', { test: `${test}-unrecoverable`, t: ['certificate.unrecoverable', { time: formatDate(until) }] })];
	return verified ? [el('p', { class: 'hint', test: `${test}-pending`, t: 'certificate.pending' })] : [];
}

/* An element that fills once both parts were verified. */
export function certificate(proof, test = 'certificate') {
	const place = el('div', { class: 'certificate', test: `${test}-dates` });
	checkCertificate(proof).then((result) => {
		const at = result.body?.erased_at;
		place.append(
			at ? el('p', { test: `${test}-erased`, t: ['certificate.erased', { time: formatDate(at) }] }) : '',
			...copies(result, test), receiptBadge(result, proof, test));
	});
	return place;
}
