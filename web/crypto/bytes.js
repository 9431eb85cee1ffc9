/*
 * Bytes and their text forms: base64url without padding (the project's own), standard base64 (signed notes and
 * proofs), hexadecimal. Decoders throw on anything that is not the canonical form.
 */

const encoder = new TextEncoder();

export const utf8 = (text) => encoder.encode(text);

export function concat(...parts) {
	const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
	let at = 0;
	for (const part of parts) {
		whole.set(part, at);
		at += part.length;
	}
	return whole;
}

export function equal(a, b) {
	return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

export function toBase64(bytes) {
	let binary = '';
	for (const byte of bytes) binary += String.fromCharCode(byte);
	return btoa(binary);
}

export function fromBase64(text) {
	const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
	if (toBase64(bytes) !== text) throw new Error('not canonical base64');
	return bytes;
}

export function toBase64url(bytes) {
	return toBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

export function fromBase64url(text) {
	if (!/^[A-Za-z0-9_-]*$/.test(text)) throw new Error('not base64url');
	const standard = text.replaceAll('-', '+').replaceAll('_', '/');
	return fromBase64(standard + '='.repeat((4 - (standard.length % 4)) % 4));
}

export function toHex(bytes) {
	return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function fromHex(text) {
	if (!/^([0-9a-f]{2})*$/.test(text)) throw new Error('not hexadecimal');
	return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/* A UUID's 16 raw bytes. */
export function uuidBytes(text) {
	if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) throw new Error('not a UUID');
	return fromHex(text.replaceAll('-', '').toLowerCase());
}

/* The byte that stands for a role (docs/FORMAT.md). */
export function roleByte(role) {
	const byte = { coach: 1, coachee: 2 }[role];
	if (!byte) throw new Error('unknown role');
	return Uint8Array.of(byte);
}

/* `label` 00 parts…, the form of every labelled hash and signature input. */
export function labelled(label, ...parts) {
	return concat(utf8(label), Uint8Array.of(0), ...parts);
}

/* 8 bytes big endian of a whole number, given as number, BigInt or decimal text. */
export function u64(value) {
	const bytes = new Uint8Array(8);
	new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
	return bytes;
}

export async function sha256(bytes) {
	return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}
