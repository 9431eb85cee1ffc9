/*
 * Receipts on this device: the log's key is pinned when first seen, the hashes of one's own statements are kept (they
 * say nothing by themselves), and every receipt is verified here, not believed.
 */
import { verifyReceipt } from '../crypto/receipt.js';
import { el, say } from './dom.js';
import { drawn } from './icons.js';
import { saveJson } from './save.js';

const LOG_KEY = 'aparte/log-key';
const statementsKey = ({ session, role }) => `aparte/statements/${session}/${role}`;

/* The name of a log key says which log; each log's first key stays. */
export function pinLogKey(key) {
	if (key && !localStorage.getItem(`${LOG_KEY}/${key.split('+')[0]}`))
		localStorage.setItem(`${LOG_KEY}/${key.split('+')[0]}`, key);
}

function pinned(key) {
	return localStorage.getItem(`${LOG_KEY}/${String(key).split('+')[0]}`) ?? undefined;
}

export function rememberStatement(party, hash) {
	const hashes = JSON.parse(localStorage.getItem(statementsKey(party)) ?? '[]');
	localStorage.setItem(statementsKey(party), JSON.stringify([...hashes, hash].slice(-200)));
}

/* {verified, body?, why?} */
export async function checkReceipt(receipt, statementSha256) {
	try {
		pinLogKey(receipt.log_key);
		const body = await verifyReceipt(receipt, { pinnedKey: pinned(receipt.log_key), statementSha256 });
		return { verified: true, body };
	} catch (failure) {
		return { verified: false, why: failure.message };
	}
}

/* One from the archive: verified, and whether it is about a statement made on this device. */
export async function checkOldReceipt(party, receipt) {
	const result = await checkReceipt(receipt);
	const hashes = JSON.parse(localStorage.getItem(statementsKey(party)) ?? '[]');
	return { ...result, own: Boolean(result.body?.statement_sha256 && hashes.includes(result.body.statement_sha256)) };
}

export function receiptBadge({ verified }, receipt, test = 'receipt-status') {
	const words = say(el('span', {}), verified ? 'receipt.verified' : 'receipt.wrong');
	const button = el('button', { type: 'button', class: 'small', label: 'receipt.download', hint: 'receipt.download',
		on: { click: () => saveJson(`aparte-receipt-${receipt.leaf_index}.json`, receipt) } }, drawn('download'));
	return el('div', { class: 'receipt', test, 'data-verified': String(verified), role: 'status' },
		drawn(verified ? 'check' : 'close'), words, button);
}
