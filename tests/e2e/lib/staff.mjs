/* The private API as staff use it, and the admin socket as the command line uses it. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { request } from 'node:http';
import { join } from 'node:path';
import { sleep } from './instance.mjs';

function base32(text) {
	const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
	let bits = '';
	for (const letter of text.replace(/=+$/, ''))
		bits += alphabet.indexOf(letter).toString(2).padStart(5, '0');
	return Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
}

/* RFC 6238: SHA-1, 30 s, 6 digits. */
export function totp(secret, now = Date.now()) {
	const counter = Buffer.alloc(8);
	counter.writeBigUInt64BE(BigInt(Math.floor(now / 30000)));
	const mac = createHmac('sha1', base32(secret)).update(counter).digest();
	const offset = mac[19] & 15;
	return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1000000).padStart(6, '0');
}

/* A code works once: the last time step each user spent. */
const spent = new Map();
const STEP = 30000;
/* How long the step before must still be taken for a code of it to be used, ms. */
const IN_TIME = 8000;

/*
 * A code of this user that was not used yet, of the steps that a server takes: the one before (unless it is to last), this
 * one, the next. Waits when all three are spent.
 */
export async function freshCode(user, ahead = 0, lasting = false) {
	const id = user.totp_secret;
	for (;;) {
		const now = Date.now() + ahead, present = Math.floor(now / STEP);
		const oldest = !lasting && STEP - now % STEP > IN_TIME ? present - 1 : present;
		const step = Math.max(oldest, (spent.get(id) ?? 0) + 1);
		if (step <= present + 1) {
			spent.set(id, step);
			return totp(id, step * STEP);
		}
		await sleep(500);
	}
}

export class Staff {
	/* ahead: how far the vault's test clock runs ahead, ms */
	static async login(instance, user, ahead = 0) {
		const staff = new Staff();
		staff.base = instance.vault;
		const { status, body } = await staff.call('POST', '/v1/login',
			{ user: user.user, password: user.password, totp: await freshCode(user, ahead) });
		assert.equal(status, 200, JSON.stringify(body));
		staff.token = body.token;
		return staff;
	}

	async call(method, path, body, headers = {}) {
		const response = await fetch(`${this.base}${path}`, { method,
			headers: { ...(this.token ? { authorization: `Bearer ${this.token}` } : {}),
				...(body ? { 'content-type': 'application/json' } : {}), ...headers },
			body: body ? JSON.stringify(body) : undefined });
		const type = response.headers.get('content-type') ?? '';
		const bytes = Buffer.from(await response.arrayBuffer());
		return { status: response.status, headers: response.headers, bytes,
			body: type.includes('json') ? JSON.parse(bytes) : null };
	}
}

/* One request over run/admin.sock as the named admin. */
export function adminCall(instance, method, path, body, admin = 'admin', reason = 'test') {
	return new Promise((done, fail) => {
		const text = body ? JSON.stringify(body) : '';
		const call = request({ socketPath: join(instance.home, 'run/admin.sock'), method, path,
			headers: { host: 'localhost', 'aparte-admin': admin, 'aparte-reason': reason,
				...(body ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) } : {}) } },
		(response) => {
			const parts = [];
			response.on('data', (part) => parts.push(part));
			response.on('end', () => {
				const bytes = Buffer.concat(parts);
				const json = (response.headers['content-type'] ?? '').includes('json');
				done({ status: response.statusCode, bytes, body: json ? JSON.parse(bytes) : null });
			});
		});
		call.on('error', fail);
		call.end(text);
	});
}

export const errorName = (answer) => answer.body?.type?.replace('urn:aparte:error:', '');
