/* Merkle tree hashes (RFC 6962) and inclusion proofs (RFC 9162 §2.1.3.2). */
import { concat, sha256 } from './bytes.js';

export function leafHash(leaf) {
	return sha256(concat(Uint8Array.of(0), leaf));
}

function nodeHash(left, right) {
	return sha256(concat(Uint8Array.of(1), left, right));
}

/* The root that `proof` (hashes, leaf to root) leads to; throws when the proof does not fit index and size. */
export async function rootFromProof(index, size, hash, proof) {
	if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size)
		throw new Error('a leaf outside the tree');
	if ([hash, ...proof].some((one) => one.length !== 32)) throw new Error('a hash of another length');
	let fn = BigInt(index);
	let sn = BigInt(size) - 1n;
	let root = hash;
	for (const sibling of proof) {
		if (sn === 0n) throw new Error('a proof too long');
		if ((fn & 1n) === 1n || fn === sn) {
			root = await nodeHash(sibling, root);
			while ((fn & 1n) === 0n && fn !== 0n) {
				fn >>= 1n;
				sn >>= 1n;
			}
		} else {
			root = await nodeHash(root, sibling);
		}
		fn >>= 1n;
		sn >>= 1n;
	}
	if (sn !== 0n) throw new Error('a proof too short');
	return root;
}
