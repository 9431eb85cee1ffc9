/*
 * Checkpoints (C2SP tlog-checkpoint) and the signed notes they are, under a verifier key
 * `<name>+<key id, hex>+<base64 of 01 ‖ Ed25519 public key>`.
 */
import { concat, equal, fromBase64, sha256, toHex, utf8 } from './bytes.js';

const ED25519 = 1;

export async function parseVerifierKey(text) {
	const [, name, id, encoded] = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text) ?? [];
	if (!name) throw new Error('not a verifier key');
	const bytes = fromBase64(encoded);
	if (bytes.length !== 33 || bytes[0] !== ED25519) throw new Error('not an Ed25519 verifier key');
	const own = toHex((await sha256(concat(utf8(name), Uint8Array.of(0x0a), bytes))).slice(0, 4));
	if (own !== id) throw new Error('a verifier key whose id is not its own');
	return { name, id, publicKey: bytes.slice(1) };
}

function parseNote(note) {
	const cut = note.indexOf('\n\n');
	if (cut < 0 || !note.endsWith('\n')) throw new Error('not a signed note');
	const text = note.slice(0, cut + 1);
	const signatures = note
		.slice(cut + 2)
		.split('\n')
		.filter(Boolean)
		.map((line) => /^\u2014 (\S+) (\S+)$/.exec(line))
		.filter(Boolean)
		.map(([, name, encoded]) => ({ name, bytes: fromBase64(encoded) }));
	return { text, signatures };
}

function parseBody(text) {
	const [origin, size, root] = text.split('\n');
	if (!/^(0|[1-9][0-9]*)$/.test(size ?? '')) throw new Error('a checkpoint without size');
	return { origin, size: Number(size), root: fromBase64(root ?? '') };
}

async function signedBy(key, { text, signatures }) {
	const mine = signatures.find(({ name, bytes }) => name === key.name && toHex(bytes.slice(0, 4)) === key.id);
	if (!mine) return false;
	const publicKey = await crypto.subtle.importKey('raw', key.publicKey, { name: 'Ed25519' }, false, ['verify']);
	return crypto.subtle.verify({ name: 'Ed25519' }, publicKey, mine.bytes.slice(4), utf8(text));
}

/* {origin, size, root} of a checkpoint whose signature under `verifierKey` holds; throws otherwise. */
export async function openCheckpoint(note, verifierKey) {
	const key = await parseVerifierKey(verifierKey);
	const parsed = parseNote(note);
	if (!(await signedBy(key, parsed))) throw new Error('a checkpoint without a good signature');
	const body = parseBody(parsed.text);
	if (body.origin !== key.name) throw new Error('a checkpoint of another log');
	return body;
}

export async function checkRoot(note, verifierKey, size, root) {
	const checkpoint = await openCheckpoint(note, verifierKey);
	if (checkpoint.size !== size || !equal(checkpoint.root, root)) throw new Error('a checkpoint of another tree');
}
