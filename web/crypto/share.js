/*
 * A person's share of a recording's key: 32 random bytes that live in this page's memory until they are sealed to
 * the vault, and nowhere else. docs/FORMAT.md, Statement and Share in transit.
 */
import { concat, fromBase64url, labelled, roleByte, sha256, toBase64url, toHex, utf8, uuidBytes } from './bytes.js';
import { seal } from './hpke.js';

export function newShare() {
	return crypto.getRandomValues(new Uint8Array(32));
}

export async function shareCommitment(session, role, share) {
	const input = labelled('aparte/share-commitment/v1', uuidBytes(session), roleByte(role), share);
	return toBase64url(await sha256(input));
}

/* SHA-256 of the seal key, hexadecimal: the statement's `seal` member. */
export async function sealFingerprint(sealKey) {
	return toHex(await sha256(fromBase64url(sealKey)));
}

export async function sealShare({ sealKey, session, role, share, statement, ephemeral }) {
	const info = concat(utf8('aparte/share-seal/v1'), Uint8Array.of(0), uuidBytes(session), roleByte(role));
	return seal(fromBase64url(sealKey), info, await sha256(utf8(statement)), share, ephemeral);
}
