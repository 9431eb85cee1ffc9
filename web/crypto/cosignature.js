/*
 * What witnesses add below a checkpoint (C2SP tlog-cosignature, Ed25519): a time, and a signature over both. Their verifier keys are
 * `<name>+<key id, hex>+<base64 of 04 ‖ Ed25519 public key>`.
 */
import { concat, fromBase64, sha256, toHex, utf8 } from './bytes.js';

const COSIGNATURE = 4;

export async function parseWitnessKey(text) {
	const [, name, id, encoded] = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text) ?? [];
	if (!name) throw new Error('not a verifier key');
	const bytes = fromBase64(encoded);
	if (bytes.length !== 33 || bytes[0] !== COSIGNATURE) throw new Error('not a witness key');
	if (toHex((await sha256(concat(utf8(name), Uint8Array.of(0x0a), bytes))).slice(0, 4)) !== id)
		throw new Error('a verifier key whose id is not its own');
	return { name, id, publicKey: bytes.slice(1) };
}

function linesOf(note) {
	const cut = note.indexOf('\n\n');
	return cut < 0 ? { text: '', lines: [] } : { text: note.slice(0, cut + 1), lines: note.slice(cut + 2).split('\n') };
}

/* When the witness signed this checkpoint, ms, or null where no line of it holds. */
export async function cosignedAt(note, witnessKey) {
	const key = await parseWitnessKey(witnessKey);
	const { text, lines } = linesOf(note);
	for (const line of lines) {
		const [, name, encoded] = /^\u2014 (\S+) (\S+)$/.exec(line) ?? [];
		if (name !== key.name) continue;
		const bytes = fromBase64(encoded);
		if (bytes.length !== 76 || toHex(bytes.slice(0, 4)) !== key.id) continue;
		const seconds = new DataView(bytes.buffer, bytes.byteOffset + 4, 8).getBigUint64(0);
		const publicKey = await crypto.subtle.importKey('raw', key.publicKey, { name: 'Ed25519' }, false, ['verify']);
		const signed = utf8(`cosignature/v1\ntime ${seconds}\n${text}`);
		if (await crypto.subtle.verify({ name: 'Ed25519' }, publicKey, bytes.slice(12), signed)) return Number(seconds) * 1000;
	}
	return null;
}
