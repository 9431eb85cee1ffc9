/* A small transparency log for tests: two leaves, a signed checkpoint, a receipt. Independent of the product. */
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

const sha = (...parts) => {
	const hash = createHash('sha256');
	for (const part of parts) hash.update(part);
	return hash.digest();
};
const byte = (n) => Buffer.from([n]);

export async function makeLogKey(name) {
	const { publicKey, privateKey } = generateKeyPairSync('ed25519');
	const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x, 'base64url');
	const typed = Buffer.concat([byte(1), raw]);
	const id = sha(name, byte(10), typed).subarray(0, 4);
	return { name, privateKey, id, verifierKey: `${name}+${id.toString('hex')}+${typed.toString('base64')}` };
}

/* A receipt for a leaf of `type` with `body`, the second of a log of two. */
export async function logOfOne(key, type, body) {
	const text = JSON.stringify(body);
	const salt = randomBytes(32);
	const leaf = Buffer.concat([
		byte(1),
		byte(type),
		sha('aparte/leaf-body/v1', byte(0), byte(type), salt, text),
	]);
	const first = sha(byte(0), randomBytes(34));
	const root = sha(byte(1), first, sha(byte(0), leaf));
	const note = `${key.name}\n2\n${root.toString('base64')}\n`;
	const signature = Buffer.concat([key.id, sign(null, Buffer.from(note), key.privateKey)]);
	return {
		leaf_index: 1,
		tree_size: 2,
		leaf: leaf.toString('base64url'),
		type,
		body: text,
		salt: salt.toString('base64url'),
		inclusion_proof: [first.toString('base64')],
		checkpoint: `${note}\n\u2014 ${key.name} ${signature.toString('base64')}\n`,
		log_key: key.verifierKey,
	};
}
