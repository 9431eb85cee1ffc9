/*
 * A stand-in for gateway and vault listener: serves web/ with the real headers and plays the API over one session's
 * state held in memory. It checks what pages send (signatures, commitments), so that a page cannot get away with less
 * than the vault asks for. Media offers go to `answerer`, a function from offer to answer.
 */
import { createHash, randomUUID, webcrypto } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { noticeHash } from '../../../web/crypto/notice.js';
import { logOfOne, makeLogKey } from './log.mjs';
import { staffRoutes } from './mock_staff.mjs';

globalThis.crypto ??= webcrypto; // Node 18

const WEB = fileURLToPath(new URL('../../../web/', import.meta.url));
const TYPES = { '.js': 'text/javascript', '.css': 'text/css', '.html': 'text/html; charset=utf-8', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' };
export const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; media-src 'self' blob:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const HEADERS = {
	'Content-Security-Policy': CSP,
	'X-Content-Type-Options': 'nosniff',
	'Referrer-Policy': 'no-referrer',
	'Cross-Origin-Opener-Policy': 'same-origin',
	'Cross-Origin-Resource-Policy': 'same-origin',
	'Permissions-Policy': 'camera=(self), microphone=(self), display-capture=(self)',
	'Cache-Control': 'no-store',
};
export const TOKEN = 'test-token-0123456789';

export class Problem extends Error {
	constructor(status, name) {
		super(name);
		Object.assign(this, { status, name });
	}
}

const NOTICES = {
	fr: { text: 'Rien n’est enregistré sans deux accords.', title: 'Enregistrer la séance', other: 'Supervision' },
	en: { text: 'Nothing is recorded without two agreements.', title: 'Record the session', other: 'Supervision' },
};

async function makeNotice(lang, logKey, seal) {
	const words = NOTICES[lang] ?? NOTICES.fr;
	const notice = {
		version: '1', lang, text: `${words.text}\n\nR4.`,
		purposes: [
			{ id: 'recording', title: words.title, text: words.text, retention: '30 j' },
			{ id: 'supervision', title: words.other, text: words.text, retention: '30 j' },
		],
		controller: { name: 'Essai', contact: 'essai@example.org' }, dpo: 'dpo@example.org', rights: 'R21',
		complaint: 'CNIL', recipients: ['A', 'B'], log_key: logKey, seal,
	};
	return { ...notice, sha256: await noticeHash(notice) };
}

export class Mock {
	constructor() {
		this.reset();
	}

	reset() {
		this.party = {
			session: '00112233-4455-6677-8899-aabbccddeeff', role: 'coachee', pii_principal: 'p-1', name: 'Camille', locale: 'fr',
			purposes_offered: ['recording', 'supervision'], consents: {}, peer: { name: 'Dominique', connected: false }, may_join: true,
			gate: { state: 'closed', reasons: ['consent_missing'], epoch: 0 },
		};
		Object.assign(this, { statements: [], presences: [], messages: [], receipts: [], recordings: [], accesses: [], requests: [], locks: [], passages: [],
			devices: [], pauses: [], offers: 0, forge: false, noticeFails: false, consentsFail: false, consentsAsked: 0, badNotice: false, answerer: null, tracks: {}, staff: null, requestList: true, tokenProblem: null, partyFails: false, eventsFail: false });
		for (const stream of this.streams ?? []) stream.end();
		this.streams = new Set();
	}

	async start() {
		this.logKey = await makeLogKey('aparte.example/log/1');
		const seal = await crypto.subtle.generateKey({ name: 'X25519' }, true, ['deriveBits']);
		this.seal = Buffer.from(await crypto.subtle.exportKey('raw', seal.publicKey)).toString('base64url');
		this.beat = setInterval(() => this.#beat(), 5000);
		this.server = createServer((request, response) => this.#serve(request, response));
		await new Promise((done) => this.server.listen(0, '127.0.0.1', done));
		this.origin = `http://127.0.0.1:${this.server.address().port}`;
		return this;
	}

	#beat() {
		for (const stream of this.streams) stream.write(': still here\n\n');
	}

	stop() {
		clearInterval(this.beat);
		for (const stream of this.streams) stream.end();
		this.server.closeAllConnections?.();
		return new Promise((done) => this.server.close(done));
	}

	send(event, value) {
		for (const stream of this.streams) stream.write(`event: ${event}\ndata: ${JSON.stringify(value)}\n\n`);
	}

	gate(state, reasons = [], extra = {}) {
		this.party.gate = { state, reasons, epoch: 1, ...extra };
		this.send('gate', this.party.gate);
	}

	change(party) {
		Object.assign(this.party, party);
		this.send('party', {});
	}

	async #serve(request, response) {
		const url = new URL(request.url, this.origin);
		try {
			if (!url.pathname.startsWith('/v1/')) return await this.#file(url.pathname, response);
			const parts = [];
			for await (const part of request) parts.push(part);
			await this.#api(request, response, url, Buffer.concat(parts).toString());
		} catch (failure) {
			const body = { type: `urn:aparte:error:${failure.name}`, status: failure.status ?? 500, detail: failure.message };
			response.writeHead(failure.status ?? 500, { ...HEADERS, 'Content-Type': 'application/problem+json' });
			response.end(JSON.stringify(body));
		}
	}

	async #file(path, response) {
		const name = { '/join': 'join.html', '/': 'staff.html' }[path] ?? normalize(path).replace(/^\/web\//, '');
		const body = await readFile(WEB + name).catch(() => {
			throw new Problem(404, 'not-found');
		});
		const more = name === 'call/track_worker.js' ? { 'Service-Worker-Allowed': '/join' } : {};
		response.writeHead(200, { ...HEADERS, 'Content-Type': TYPES[extname(name)] ?? 'application/octet-stream', ...more });
		response.end(body);
	}

	async #api(request, response, url, body) {
		const answer = (status, value, headers = {}) => {
			response.writeHead(status, { ...HEADERS, 'Content-Type': 'application/json', ...headers });
			response.end(value === undefined ? undefined : typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value));
		};
		const call = `${request.method} ${url.pathname}`;
		const json = () => JSON.parse(body || '{}');
		if (this.staff && (await staffRoutes(this, { request, call, url, json, answer }))) return;
		if (request.headers.authorization !== `Bearer ${TOKEN}`) throw new Problem(401, 'token-invalid');
		if (this.tokenProblem) throw new Problem(410, this.tokenProblem);
		if (call === 'GET /v1/events' && !this.eventsFail) return this.#stream(response);
		const route = this.#routes[call] ?? this.#matching(call);
		if (!route) throw new Problem(404, 'not-found');
		await route({ request, url, body, json, answer });
	}

	#matching(call) {
		if (/^GET \/v1\/party\/recordings\/.+\/tracks\//.test(call)) return (context) => this.#track(context);
		if (/^POST \/v1\/party\/recordings\/.+\/passages$/.test(call))
			return ({ json, answer }) => answer(202, { ...json(), state: this.passages.push(json()) && 'ordered' });
		if (/^(GET|POST) \/v1\/party\/requests\/.+\/(copy|archive)$/.test(call)) return (context) => this.#portable(context);
		if (/^GET \/v1\/party\/requests\/./.test(call))
			return ({ url, answer }) => answer(200, this.requests.find(({ id }) => url.pathname.endsWith(id)));
		if (/^(PATCH|DELETE) \/v1\/media\//.test(call)) return ({ answer }) => answer(204);
		return null;
	}

	/* The archive is ready at the second look. */
	#portable({ request, url, json, answer }) {
		const [id, what] = url.pathname.split('/').slice(-2);
		const one = this.requests.find((made) => made.id === id);
		if (what === 'copy') return answer(200, url.searchParams.get('format') === 'markdown' ? '# All' : { sessions: [] });
		if (request.method === 'GET') return answer(200, Buffer.from('age-encryption.org/v1'), { 'Content-Type': 'application/octet-stream' });
		this.locks.push(json());
		one.archive = { state: 'making', progress: 0.4 };
		setTimeout(() => (one.archive = { state: 'ready', progress: 1, films: 1, size: 12_000_000, until: new Date(Date.now() + 6e8).toISOString() }), 500);
		return answer(202, one);
	}

	#stream(response) {
		response.writeHead(200, { ...HEADERS, 'Content-Type': 'text/event-stream' });
		response.write(`event: gate\ndata: ${JSON.stringify(this.party.gate)}\n\n`);
		this.streams.add(response);
		response.on('close', () => this.streams.delete(response));
	}

	#routes = {
		'GET /v1/party': ({ answer }) => {
			if (this.partyFails) throw new Problem(503, 'vault-unavailable');
			answer(200, this.party);
		},
		'PUT /v1/party/device': ({ json, answer }) => {
			this.devices.push(json().key);
			answer(204);
		},
		'GET /v1/notice': async ({ url, answer }) => {
			if (this.noticeFails) throw new Problem(503, 'vault-unavailable');
			const notice = await makeNotice(url.searchParams.get('lang'), this.logKey.verifierKey, this.seal);
			answer(200, this.badNotice ? { ...notice, text: 'changed' } : notice);
		},
		'POST /v1/consents': ({ json, answer }) => {
			this.consentsAsked++;
			if (this.consentsFail) throw new Problem(...(Array.isArray(this.consentsFail) ? this.consentsFail : [503, 'vault-unavailable']));
			return this.#consent(json(), answer);
		},
		'POST /v1/party/presence': ({ json, answer }) => {
			this.presences.push(json());
			answer(204);
		},
		'POST /v1/party/messages': ({ json, answer }) => {
			this.messages.push(json());
			answer(204);
		},
		'POST /v1/party/pause': ({ answer }) => this.#pause(true, answer),
		'DELETE /v1/party/pause': ({ answer }) => this.#pause(false, answer),
		'POST /v1/media': async ({ body, answer }) => {
			this.offers++;
			this.lastOffer = body;
			if (!this.answerer) throw new Problem(503, 'vault-unavailable');
			const headers = { 'Content-Type': 'application/sdp', Location: `/v1/media/${randomUUID()}`, ETag: '"1"' };
			answer(201, await this.answerer(body), headers);
		},
		'GET /v1/party/recordings': ({ answer }) => answer(200, { recordings: this.recordings }),
		'GET /v1/party/accesses': ({ answer }) => answer(200, { accesses: this.accesses }),
		'GET /v1/party/receipts': ({ answer }) => answer(200, { receipts: this.receipts }),
		'GET /v1/party/requests': ({ answer }) => {
			if (!this.requestList) throw new Problem(405, 'not-found');
			answer(200, { requests: this.requests });
		},
		'POST /v1/party/requests': ({ json, answer }) => {
			const made = { id: randomUUID(), state: 'open', due: new Date(Date.now() + 30 * 86_400_000).toISOString(), ...json() };
			this.requests.push(made);
			answer(201, made);
		},
	};

	#pause(on, answer) {
		this.pauses.push(on);
		this.party.paused = { self: on, peer: true };
		this.gate('closed', ['paused']);
		answer(200, { ...this.party.gate, paused: this.party.paused });
	}

	async #consent({ statement, key, signature, share }, answer) {
		const said = JSON.parse(statement);
		const raw = Buffer.from(key, 'base64url');
		const publicKey = await crypto.subtle.importKey('raw', raw, { name: 'Ed25519' }, false, ['verify']);
		const good = await crypto.subtle.verify('Ed25519', publicKey, Buffer.from(signature, 'base64url'), Buffer.from(statement));
		if (!good || !this.devices.includes(key)) throw new Problem(403, 'statement-signature');
		const gives = said.event === 'ConsentGiven' && said.purposes.includes('recording');
		if (gives !== Boolean(share) || gives !== Boolean(said.share_commitment)) throw new Problem(403, 'statement-share');
		this.statements.push(said);
		for (const purpose of said.purposes) this.party.consents[purpose] = said.event;
		if (said.event === 'ConsentWithdrawn' && said.purposes.includes('recording'))
			for (const purpose of Object.keys(this.party.consents)) this.party.consents[purpose] = said.event;
		const sha = createHash('sha256').update(statement).digest('hex');
		const receipt = await logOfOne(this.logKey, 1, { event: said.event, time: said.event_time, statement_sha256: sha });
		if (this.forge) receipt.tree_size = 3;
		this.receipts.push(receipt);
		answer(201, receipt);
		this.send('consent', {});
	}

	/* A track with Range, as the gateway serves it. */
	#track({ request, url, answer }) {
		answerRange(this.tracks[url.pathname.split('/').pop()], request, answer);
	}
}

export function answerRange(bytes, request, answer) {
	if (!bytes) throw new Problem(410, 'erased');
	const [, from, to] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [];
	const headers = { 'Content-Type': 'video/webm', 'Accept-Ranges': 'bytes' };
	if (from === undefined) return answer(200, bytes, headers);
	const last = Math.min(bytes.length - 1, to ? Number(to) : Infinity);
	answer(206, bytes.subarray(Number(from), last + 1), { ...headers, 'Content-Range': `bytes ${from}-${last}/${bytes.length}` });
}
