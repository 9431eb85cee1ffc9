/*
 * Lets a <video> play a person's own recording as it comes, seeking where they like: the element cannot send a bearer
 * token, so this worker repeats its requests with one. It keeps nothing: the token is asked of the page each time, and a
 * page that is closed answers no more. Registered while a recording is watched (watch.js), for /join alone.
 */
const TRACK = /^\/v1\/party\/recordings\/[^/]+\/tracks\/[^/]+$/;
const PATIENCE_MS = 5000;

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('fetch', (event) => {
	const { request } = event;
	const { origin, pathname } = new URL(request.url);
	if (request.method !== 'GET' || origin !== self.location.origin || !TRACK.test(pathname)) return;
	if (!request.headers.has('Authorization')) event.respondWith(repeat(request, event.clientId));
});

async function tokenOf(id) {
	const page = await self.clients.get(id);
	return new Promise((resolve) => {
		const { port1, port2 } = new MessageChannel();
		port1.onmessage = ({ data }) => resolve(data);
		page?.postMessage('token', [port2]);
		setTimeout(() => resolve(''), page ? PATIENCE_MS : 0);
	});
}

async function repeat(request, id) {
	const headers = { Authorization: `Bearer ${await tokenOf(id)}` };
	if (request.headers.has('Range')) headers.Range = request.headers.get('Range');
	return fetch(request.url, { headers, cache: 'no-store', credentials: 'same-origin', signal: request.signal });
}
