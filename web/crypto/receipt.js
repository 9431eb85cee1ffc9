/*
 * Verifies a receipt or certificate offline, by docs/FORMAT.md, Log: the leaf is that of its body, the body is about
 * one's own statement, the leaf is in the tree, the tree's checkpoint is signed by the log's pinned key.
 */
import { concat, equal, fromBase64, fromBase64url, labelled, sha256, toHex, utf8 } from './bytes.js';
import { checkRoot } from './checkpoint.js';
import { leafHash, rootFromProof } from './merkle.js';

export async function statementHash(statement) {
	return toHex(await sha256(utf8(statement)));
}

async function leafOf({ type, salt, body }) {
	const kind = Uint8Array.of(type);
	const hash = await sha256(labelled('aparte/leaf-body/v1', kind, fromBase64url(salt), utf8(body)));
	return concat(Uint8Array.of(1), kind, hash);
}

/*
 * Throws with the reason when anything is wrong. `pinnedKey` is the verifier key this device saw first;
 * `statementSha256` (hex) is that of one's own statement, or absent for receipts that are about none.
 */
export async function verifyReceipt(receipt, { pinnedKey, statementSha256 } = {}) {
	const leaf = fromBase64url(receipt.leaf);
	if (!equal(leaf, await leafOf(receipt))) throw new Error('a leaf that is not that of its body');
	const body = JSON.parse(receipt.body);
	if (statementSha256 && body.statement_sha256 !== statementSha256) throw new Error('a receipt for another statement');
	const key = pinnedKey ?? receipt.log_key;
	if (receipt.log_key !== key) throw new Error('a receipt under another key');
	const proof = receipt.inclusion_proof.map(fromBase64);
	const root = await rootFromProof(receipt.leaf_index, receipt.tree_size, await leafHash(leaf), proof);
	await checkRoot(receipt.checkpoint, key, receipt.tree_size, root);
	return body;
}
