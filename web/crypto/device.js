/*
 * This device's Ed25519 key for one session: made in the browser, never extractable, kept in IndexedDB of this
 * origin so that a reload signs with the same key.
 */
import { toBase64url } from './bytes.js';

const STORE = 'device';

function finished(request) {
	return new Promise((resolve, reject) => {
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error);
	});
}

function open() {
	const request = indexedDB.open('aparte', 1);
	request.onupgradeneeded = () => request.result.createObjectStore(STORE);
	return finished(request);
}

async function load(name) {
	const db = await open();
	try {
		return await finished(db.transaction(STORE).objectStore(STORE).get(name));
	} finally {
		db.close();
	}
}

/* Keeps `pair` unless another tab was faster; answers the one that is kept. */
async function keep(name, pair) {
	const db = await open();
	try {
		const store = db.transaction(STORE, 'readwrite').objectStore(STORE);
		const there = await finished(store.get(name));
		if (there) return there;
		await finished(store.put(pair, name));
		return pair;
	} finally {
		db.close();
	}
}

export async function deviceKey(session, role) {
	const name = `${session}/${role}`;
	let pair = await load(name);
	if (!pair) pair = await keep(name, await crypto.subtle.generateKey({ name: 'Ed25519' }, false, ['sign', 'verify']));
	const raw = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
	return {
		key: toBase64url(raw),
		async sign(bytes) {
			return toBase64url(new Uint8Array(await crypto.subtle.sign({ name: 'Ed25519' }, pair.privateKey, bytes)));
		},
	};
}
