/* Merkle tree hashes (RFC 6962), inclusion proofs (RFC 9162 §2.1.3.2) and consistency proofs (§2.1.4.2). */
import { concat, equal, sha256 } from './bytes.js';

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

const powerOfTwo = (n) => (n & (n - 1n)) === 0n;

/*
 * Throws unless `proof` shows that the tree of `size` leaves and root `root` continues the one of `olderSize` leaves and root
 * `olderRoot`. Two of one size need no proof, and the empty one is continued by every tree.
 */
export async function checkConsistency({ olderSize, olderRoot, size, root, proof }) {
	if (![olderSize, size].every(Number.isSafeInteger) || olderSize < 1 || olderSize > size) throw new Error('a tree that shrank');
	if ([olderRoot, root, ...proof].some((one) => one.length !== 32)) throw new Error('a hash of another length');
	if (olderSize === size) {
		if (proof.length || !equal(olderRoot, root)) throw new Error('another tree of the same size');
		return;
	}
	const path = powerOfTwo(BigInt(olderSize)) ? [olderRoot, ...proof] : [...proof];
	let fn = BigInt(olderSize) - 1n, sn = BigInt(size) - 1n;
	for (; (fn & 1n) === 1n; fn >>= 1n) sn >>= 1n;
	let [older, newer] = [path[0], path[0]];
	if (!older) throw new Error('a proof too short');
	for (const sibling of path.slice(1)) {
		if (sn === 0n) throw new Error('a proof too long');
		if ((fn & 1n) === 1n || fn === sn) {
			older = await nodeHash(sibling, older);
			newer = await nodeHash(sibling, newer);
			for (; (fn & 1n) === 0n && fn !== 0n; fn >>= 1n) sn >>= 1n;
		} else {
			newer = await nodeHash(newer, sibling);
		}
		fn >>= 1n;
		sn >>= 1n;
	}
	if (sn !== 0n) throw new Error('a proof too short');
	if (!equal(older, olderRoot) || !equal(newer, root)) throw new Error('a tree that does not continue the older one');
}
