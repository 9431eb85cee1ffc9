/*
 * HPKE (RFC 9180) base mode, single shot, sealing side only: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
 * Built from WebCrypto's primitives; HKDF's two halves are HMACs, since WebCrypto offers them only joined.
 */
import { concat, toBase64url, utf8 } from './bytes.js';

const KEM = concat(utf8('KEM'), Uint8Array.of(0x00, 0x20));
const SUITE = concat(utf8('HPKE'), Uint8Array.of(0x00, 0x20, 0x00, 0x01, 0x00, 0x02));
const VERSION = utf8('HPKE-v1');
const NOTHING = new Uint8Array(0);

async function hmac(key, data) {
	// WebCrypto refuses an empty HMAC key; RFC 5869 means a block of zeroes by it, which HMAC pads to anyway.
	const raw = key.length ? key : new Uint8Array(32);
	const imported = await crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
	return new Uint8Array(await crypto.subtle.sign('HMAC', imported, data));
}

function labeledExtract(suite, salt, label, ikm) {
	return hmac(salt, concat(VERSION, suite, utf8(label), ikm));
}

/* At most one block of output: nothing longer is needed here. */
async function labeledExpand(suite, prk, label, info, length) {
	const labeled = concat(Uint8Array.of(0, length), VERSION, suite, utf8(label), info);
	return (await hmac(prk, concat(labeled, Uint8Array.of(1)))).slice(0, length);
}

async function encapsulate(recipient, pair) {
	const theirs = await crypto.subtle.importKey('raw', recipient, { name: 'X25519' }, true, []);
	const enc = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
	const dh = new Uint8Array(await crypto.subtle.deriveBits({ name: 'X25519', public: theirs }, pair.privateKey, 256));
	if (dh.every((byte) => byte === 0)) throw new Error('a seal key of small order');
	const prk = await labeledExtract(KEM, NOTHING, 'eae_prk', dh);
	const secret = await labeledExpand(KEM, prk, 'shared_secret', concat(enc, recipient), 32);
	return { enc, secret };
}

async function schedule(secret, info) {
	const context = concat(
		Uint8Array.of(0),
		await labeledExtract(SUITE, NOTHING, 'psk_id_hash', NOTHING),
		await labeledExtract(SUITE, NOTHING, 'info_hash', info),
	);
	const prk = await labeledExtract(SUITE, secret, 'secret', NOTHING);
	return {
		key: await labeledExpand(SUITE, prk, 'key', context, 32),
		nonce: await labeledExpand(SUITE, prk, 'base_nonce', context, 12),
	};
}

export function newEphemeral() {
	return crypto.subtle.generateKey({ name: 'X25519' }, false, ['deriveBits']);
}

/* Only tests have a reason to bring an ephemeral pair of their own. Answers base64url texts. */
export async function seal(recipient, info, aad, plaintext, ephemeral) {
	const { enc, secret } = await encapsulate(recipient, ephemeral ?? (await newEphemeral()));
	const { key, nonce } = await schedule(secret, info);
	const aes = await crypto.subtle.importKey('raw', key, { name: 'AES-GCM' }, false, ['encrypt']);
	const ct = await crypto.subtle.encrypt({ name: 'AES-GCM', iv: nonce, additionalData: aad }, aes, plaintext);
	return { enc: toBase64url(enc), ct: toBase64url(new Uint8Array(ct)) };
}
