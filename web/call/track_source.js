/*
 * What a <video> can play of a person's own recording: the track's address, when the worker may stand in between
 * (track_worker.js); else, in browsers without workers, the whole track as a blob that vanishes with the page.
 */
const WORKER = '/web/call/track_worker.js';
const SCOPE = '/join';
const PIECE = 4 * 1024 * 1024;

function answerWith(token) {
	const answer = ({ data, ports }) => data === 'token' && ports[0].postMessage(token);
	navigator.serviceWorker.addEventListener('message', answer);
	navigator.serviceWorker.startMessages();
	return () => navigator.serviceWorker.removeEventListener('message', answer);
}

function controlled() {
	return new Promise((resolve, reject) => {
		if (navigator.serviceWorker.controller) return resolve();
		navigator.serviceWorker.addEventListener('controllerchange', () => resolve(), { once: true });
		setTimeout(() => reject(new Error('no worker')), 3000);
	});
}

/* Answers the function that ends it, or null where there can be no worker. */
export async function streaming(api) {
	let silence = () => {};
	try {
		silence = answerWith(api.token);
		const registration = await navigator.serviceWorker.register(WORKER, { scope: SCOPE });
		await controlled();
		return () => {
			silence();
			registration.unregister();
		};
	} catch {
		silence();
		return null;
	}
}

/* One track as a blob; `progress(share)` as it comes. */
export async function wholeTrack(api, path, progress, signal) {
	const parts = [];
	for (let at = 0, size = Infinity; at < size; ) {
		const headers = { Range: `bytes=${at}-${at + PIECE - 1}` };
		const response = await api.request('GET', path, { headers, signal });
		const part = await response.blob();
		parts.push(part);
		at += part.size;
		size = response.status === 206 ? Number(response.headers.get('Content-Range').split('/')[1]) : at;
		if (part.size === 0) break;
		progress(at / size);
	}
	return new Blob(parts, { type: 'video/webm' });
}

/* The first byte of a track: fails as the whole would, in words that an element cannot give. */
export async function ask(api, path, signal) {
	const response = await api.request('GET', path, { headers: { Range: 'bytes=0-0' }, signal });
	await response.arrayBuffer();
}
