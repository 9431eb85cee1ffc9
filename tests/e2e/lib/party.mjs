/* A person's side of the API without a browser, written from docs/FORMAT.md and API alone: nothing of web/ is used. */
import { createHash, generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto';
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';

export const sha256 = (...parts) => {
	const hash = createHash('sha256');
	parts.forEach((part) => hash.update(part));
	return hash.digest();
};
export const b64u = (bytes) => Buffer.from(bytes).toString('base64url');
export const uuidBytes = (text) => Buffer.from(text.replaceAll('-', ''), 'hex');
const roleByte = (role) => Buffer.from([role === 'coach' ? 1 : 2]);
const zero = Buffer.from([0]);

/* RFC 8785 for what statements hold: strings, integers, arrays, objects. */
export function canonical(value) {
	if (Array.isArray(value))
		return `[${value.map(canonical).join(',')}]`;
	if (value && typeof value === 'object')
		return `{${Object.keys(value).sort().map((k) => `${JSON.stringify(k)}:${canonical(value[k])}`).join(',')}}`;
	return JSON.stringify(value);
}

export function makeKey() {
	const { publicKey, privateKey } = generateKeyPairSync('ed25519');
	return { public: b64u(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)), private: privateKey };
}

export class Party {
	constructor(instance, session, role) {
		this.base = instance.gateway;
		this.session = session.id;
		this.role = role;
		this.token = session.parties[role].token;
		this.key = makeKey();
	}

	async call(method, path, body, { type = 'application/json', raw = false, headers = {} } = {}) {
		const response = await fetch(`${this.base}${path}`, { method,
			headers: { authorization: `Bearer ${this.token}`, ...(body !== undefined ? { 'content-type': type } : {}), ...headers },
			body: body === undefined ? undefined : raw ? body : JSON.stringify(body) });
		const text = await response.text();
		const json = (response.headers.get('content-type') ?? '').includes('json');
		return { status: response.status, headers: response.headers, text, body: json ? JSON.parse(text) : null };
	}

	async enrol() {
		return this.call('PUT', '/v1/party/device', { key: this.key.public });
	}

	async me() {
		return (await this.call('GET', '/v1/party')).body;
	}

	async notice(lang = 'en') {
		return (await this.call('GET', `/v1/notice?lang=${lang}`)).body;
	}

	/* Members of a statement that would be accepted now; `changes` spoils it. */
	statement(event, purposes, notice, changes = {}) {
		return { schema_version: '1', record_id: randomUUID(), session: this.session, pii_principal: this.principal,
			role: this.role, event, purposes,
			privacy_notice: { version: notice.version, lang: notice.lang, sha256: notice.sha256 },
			event_time: new Date().toISOString(), indication_method: 'api', ...changes };
	}

	commitment(share) {
		return sha256('aparte/share-commitment/v1', zero, uuidBytes(this.session), roleByte(this.role), share);
	}

	async sealShare(share, text, notice, { role = this.role } = {}) {
		const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
		const recipient = await suite.kem.deserializePublicKey(Buffer.from(notice.seal, 'base64url'));
		const info = Buffer.concat([Buffer.from('aparte/share-seal/v1'), zero, uuidBytes(this.session), roleByte(role)]);
		const sender = await suite.createSenderContext({ recipientPublicKey: recipient, info });
		const ct = await sender.seal(share, sha256(text));
		return { enc: b64u(sender.enc), ct: b64u(ct) };
	}

	sign(text, key = this.key) {
		return b64u(sign(null, Buffer.from(text), key.private));
	}

	/* The body of POST /v1/consents for a give of these purposes; `spoil` takes and changes what it is made of. */
	async give(purposes = ['recording'], spoil = {}) {
		const notice = { ...await this.notice(), ...spoil.notice };
		const share = randomBytes(32);
		const members = this.statement('ConsentGiven', purposes, notice, spoil.members);
		if (purposes.includes('recording')) {
			members.share_commitment ??= this.commitment(share).toString(spoil.commitmentForm ?? 'base64url');
			members.seal ??= sha256(Buffer.from(notice.seal, 'base64url')).toString('hex');
		}
		const text = spoil.text?.(members) ?? canonical(members);
		const body = { statement: text, key: spoil.key?.public ?? this.key.public,
			signature: spoil.signature?.(text) ?? this.sign(text, spoil.key) };
		if (purposes.includes('recording'))
			body.share = await this.sealShare(spoil.share ?? share, text, notice, spoil);
		return body;
	}

	async decide(event, purposes = ['recording'], changes = {}) {
		const text = canonical(this.statement(event, purposes, await this.notice(), changes));
		return { statement: text, key: this.key.public, signature: this.sign(text) };
	}

	async post(body) {
		return this.call('POST', '/v1/consents', body);
	}

	/* Enrols this device, learns who the platform says this person is. */
	async join() {
		const me = await this.me();
		this.principal = me.pii_principal;
		await this.enrol();
		return me;
	}

	async gate() {
		return (await this.me()).gate;
	}

	/* Reads server-sent events until closed; events land in `events`. */
	listen() {
		const events = [];
		const abort = new AbortController();
		const done = (async () => {
			const response = await fetch(`${this.base}/v1/events`, { signal: abort.signal,
				headers: { authorization: `Bearer ${this.token}`, accept: 'text/event-stream' } });
			let buffer = '';
			for await (const part of response.body) {
				buffer += Buffer.from(part).toString();
				for (let end; (end = buffer.indexOf('\n\n')) >= 0; buffer = buffer.slice(end + 2)) {
					const block = buffer.slice(0, end);
					const event = /^event: ?(.*)$/m.exec(block)?.[1];
					const data = /^data: ?(.*)$/m.exec(block)?.[1];
					if (event)
						events.push({ event, data: data ? JSON.parse(data) : null, at: Date.now() });
				}
			}
		})().catch(() => {});
		return { events, close: () => { abort.abort(); return done; } };
	}
}
