/*
 * A log that grows, for tests of what verifies one: tree, proofs, checkpoints, receipts, and witnesses that cosign. Written from
 * RFC 6962 §2.1 by recursion, as the product is not.
 */
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

const sha = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
const byte = (n) => Buffer.from([n]);

/* The largest power of two below n. */
function half(n) {
	let k = 1;
	while (k * 2 < n) k *= 2;
	return k;
}

const rootOf = (hashes) => {
	if (hashes.length < 2) return hashes[0] ?? sha('');
	const k = half(hashes.length);
	return sha(byte(1), rootOf(hashes.slice(0, k)), rootOf(hashes.slice(k)));
};

function inclusion(hashes, index) {
	if (hashes.length < 2) return [];
	const k = half(hashes.length);
	return index < k ? [...inclusion(hashes.slice(0, k), index), rootOf(hashes.slice(k))] : [...inclusion(hashes.slice(k), index - k), rootOf(hashes.slice(0, k))];
}

function consistency(hashes, m, whole = true) {
	if (m === hashes.length) return whole ? [] : [rootOf(hashes)];
	const k = half(hashes.length);
	return m <= k ? [...consistency(hashes.slice(0, k), m, whole), rootOf(hashes.slice(k))]
		: [...consistency(hashes.slice(k), m - k, false), rootOf(hashes.slice(0, k))];
}

function noteKey(name, type) {
	const { publicKey, privateKey } = generateKeyPairSync('ed25519');
	const typed = Buffer.concat([byte(type), Buffer.from(publicKey.export({ format: 'jwk' }).x, 'base64url')]);
	const id = sha(name, byte(10), typed).subarray(0, 4);
	return { name, privateKey, id, verifierKey: `${name}+${id.toString('hex')}+${typed.toString('base64')}` };
}

export const makeWitness = (name) => ({ ...noteKey(name, 4), size: 0, at: 0 });

export class GrowingLog {
	/* `key` as of makeLogKey */
	constructor(key) {
		this.key = key;
		this.leaves = [];
		this.witnesses = [];
	}

	get size() {
		return this.leaves.length;
	}

	append(type, body) {
		const text = JSON.stringify(body), salt = randomBytes(32);
		const leaf = Buffer.concat([byte(1), byte(type), sha('aparte/leaf-body/v1', byte(0), byte(type), salt, text)]);
		this.leaves.push({ type, text, salt, leaf, hash: sha(byte(0), leaf) });
		return this.size - 1;
	}

	fill(count) {
		for (let i = 0; i < count; i++) this.append(5, { event: 'access_begun', n: i, time: new Date(1_760_000_000_000 + i * 60_000).toISOString() });
		return this;
	}

	hashes(size = this.size) {
		return this.leaves.slice(0, size).map(({ hash }) => hash);
	}

	#text(size) {
		return `${this.key.name}\n${size}\n${rootOf(this.hashes(size)).toString('base64')}\n`;
	}

	/* With the lines of those witnesses that look. */
	checkpoint(size = this.size, seconds = Math.floor(Date.now() / 1000)) {
		const text = this.#text(size);
		const own = Buffer.concat([this.key.id, sign(null, Buffer.from(text), this.key.privateKey)]);
		const lines = [`\u2014 ${this.key.name} ${own.toString('base64')}`];
		for (const one of this.witnesses.filter(({ sleeps }) => !sleeps)) {
			const time = Buffer.alloc(8);
			time.writeBigUInt64BE(BigInt(seconds));
			const signature = sign(null, Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`), one.privateKey);
			lines.push(`\u2014 ${one.name} ${Buffer.concat([one.id, time, signature]).toString('base64')}`);
			Object.assign(one, { size, at: seconds * 1000 });
		}
		return `${text}\n${lines.join('\n')}\n`;
	}

	proof(leaf, size) {
		return inclusion(this.hashes(size), leaf).map((hash) => hash.toString('base64'));
	}

	continues(from, to) {
		return from === 0 ? [] : consistency(this.hashes(to), from).map((hash) => hash.toString('base64'));
	}

	receipt(index, size = this.size) {
		const { type, text, salt, leaf } = this.leaves[index];
		return { leaf_index: index, tree_size: size, leaf: leaf.toString('base64url'), type, body: text, salt: salt.toString('base64url'),
			inclusion_proof: this.proof(index, size), checkpoint: this.checkpoint(size), log_key: this.key.verifierKey };
	}
}
