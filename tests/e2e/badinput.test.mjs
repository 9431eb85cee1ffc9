/* Bad input gets a clear problem+json, and nothing else is lost by it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect } from 'node:net';
import { Instance } from './lib/instance.mjs';
import { Party } from './lib/party.mjs';
import { errorName, Staff } from './lib/staff.mjs';

let instance, session, coach;
before(async () => {
	instance = await Instance.start();
	session = await instance.session();
	coach = new Party(instance, session, 'coach');
});
after(async () => instance?.stop());

function isProblem(answer, status, name) {
	const what = `${answer.status} ${answer.text ?? JSON.stringify(answer.body)}`;
	assert.equal(answer.status, status, what);
	assert.match(answer.headers.get('content-type'), /^application\/problem\+json/);
	assert.equal(errorName(answer), name, what);
	assert.equal(answer.body.status, status);
	assert.ok(answer.body.detail.length > 10, `the detail says what to do: ${what}`);
}

/* Any call without JSON of ours around it. */
async function raw(method, path, body, headers = {}) {
	const response = await fetch(`${instance.gateway}${path}`, { method, body, headers });
	const text = await response.text();
	const json = (response.headers.get('content-type') ?? '').includes('json');
	return { status: response.status, headers: response.headers, text, body: json ? JSON.parse(text) : null };
}

const bearer = (token) => ({ authorization: `Bearer ${token}` });
const offer = (lines) => ['v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0',
	'a=msid-semantic: WMS', ...lines, ''].join('\r\n');
const transport = ['c=IN IP4 0.0.0.0', 'a=mid:0', 'a=ice-ufrag:abcd', 'a=ice-pwd:abcdefghijklmnopqrstuv', 'a=rtcp-mux',
	`a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`, 'a=setup:actpass', 'a=sendrecv'];

test('SDP that is none', async () => {
	const sdp = { type: 'application/sdp', raw: true };
	isProblem(await coach.call('POST', '/v1/media', 'hello', sdp), 422, 'sdp-malformed');
	isProblem(await coach.call('POST', '/v1/media', '', sdp), 422, 'sdp-malformed');
	isProblem(await coach.call('POST', '/v1/media', offer([]), sdp), 422, 'sdp-malformed');
	const noFingerprint = offer(['m=audio 9 UDP/TLS/RTP/SAVPF 111', ...transport.filter((l) => !l.includes('fingerprint')),
		'a=rtpmap:111 opus/48000/2']);
	isProblem(await coach.call('POST', '/v1/media', noFingerprint, sdp), 422, 'sdp-malformed');
	const random = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 251 + 1)).toString('latin1');
	isProblem(await coach.call('POST', '/v1/media', random, sdp), 422, 'sdp-malformed');
});

test('codecs nobody knows', async () => {
	const unknown = offer(['m=audio 9 UDP/TLS/RTP/SAVPF 111', ...transport, 'a=rtpmap:111 speex/16000']);
	isProblem(await coach.call('POST', '/v1/media', unknown, { type: 'application/sdp', raw: true }), 422, 'no-common-codec');
});

test('SDP under another name, and too much of it', async () => {
	isProblem(await coach.call('POST', '/v1/media', 'v=0', { type: 'text/plain', raw: true }), 415, 'media-type');
	isProblem(await coach.call('POST', '/v1/media', 'v=0\r\n'.repeat(20000), { type: 'application/sdp', raw: true }), 413, 'too-large');
});

test('JSON that is none, or not what was asked for', async () => {
	const key = { ...bearer(instance.demo.api_key), 'content-type': 'application/json' };
	for (const body of ['{', '[]', '"x"', '', '\u0000', '{"a":'.repeat(3000)])
		isProblem(await raw('POST', '/v1/sessions', body, key), 400, 'malformed');
	isProblem(await raw('POST', '/v1/sessions', '{"reference":1}', key), 422, 'invalid');
	isProblem(await raw('POST', '/v1/sessions', 'x'.repeat(20000), key), 413, 'too-large');
	isProblem(await raw('POST', '/v1/sessions', 'a=1', { ...key, 'content-type': 'application/x-www-form-urlencoded' }), 415, 'media-type');
	const answer = await instance.platform('POST', '/v1/sessions', { reference: 'x', coach: { id: 'a', locale: 'fr' },
		coachee: { id: 'b', locale: 'en' }, policy: 'no-such-policy', sensitivity: 'standard', e2ee: 'off' });
	assert.ok([404, 422].includes(answer.status), JSON.stringify(answer));
	isProblem(await coach.call('PUT', '/v1/party/device', '{"key":"abc"}', { raw: true }), 400, 'malformed');
});

test('tokens that are none', async () => {
	for (const headers of [{}, bearer('x'), bearer('A'.repeat(43)), bearer('A'.repeat(4000)), { authorization: 'Basic eDp5' }])
		isProblem(await raw('GET', '/v1/party', undefined, headers), 401, 'token-invalid');
	isProblem(await raw('POST', '/v1/sessions', '{}', { ...bearer('nokey'), 'content-type': 'application/json' }), 401, 'token-invalid');
	isProblem(await raw('POST', '/v1/sessions', '{}', { ...bearer(coach.token), 'content-type': 'application/json' }), 401, 'token-invalid');
	assert.equal((await raw('GET', `/v1/party?token=${coach.token}`)).status, 401, 'a token in a URL is no token');
});

test('places that do not exist', async () => {
	isProblem(await raw('GET', '/nowhere'), 404, 'not-found');
	isProblem(await raw('GET', '/web/../../etc/passwd'), 404, 'not-found');
	isProblem(await raw('GET', '/web/%2e%2e/%2e%2e/etc/passwd'), 404, 'not-found');
	isProblem(await raw('GET', '/v1/sessions/00000000-0000-4000-8000-000000000000', undefined, bearer(instance.demo.api_key)), 404, 'not-found');
	isProblem(await raw('GET', '/v1/sessions/not-a-uuid', undefined, bearer(instance.demo.api_key)), 404, 'not-found');
});

test('a message to the peer of more than 4 KiB', async () => {
	isProblem(await coach.call('POST', '/v1/party/messages', 'x'.repeat(5000), { raw: true }), 413, 'too-large');
});

test('the staff listener refuses in the same form', async () => {
	const staff = Object.assign(new Staff(), { base: instance.vault });
	isProblem(await staff.call('GET', '/v1/recordings'), 401, 'token-invalid');
	isProblem(await staff.call('POST', '/v1/login', { user: 'supervisor', password: 'wrong', totp: '000000' }), 401, 'credentials');
	isProblem(await staff.call('POST', '/v1/login', { user: 'nobody', password: 'wrong', totp: '000000' }), 401, 'credentials');
	isProblem(await staff.call('GET', '/nowhere'), 404, 'not-found');
});

/* Bytes that are no HTTP, or stop in the middle: the listener lives on. */
test('garbage on the wire', async () => {
	for (const bytes of [Buffer.alloc(3000, 7), Buffer.from('GET / HTTP/1.1\r\nHost:'), Buffer.from('POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n'),
		Buffer.from(`GET /${'a'.repeat(100000)} HTTP/1.1\r\n\r\n`), Buffer.from([0x16, 3, 1, 2, 0, 1])])
		await new Promise((done) => {
			const socket = connect(instance.port, '127.0.0.1', () => socket.write(bytes));
			setTimeout(() => socket.destroy(), 200);
			socket.on('error', () => {});
			socket.on('close', done);
		});
	assert.equal((await raw('GET', '/healthz')).status, 200);
});

test('nothing was lost by all this', async () => {
	assert.equal((await coach.call('GET', '/v1/party')).status, 200);
	assert.doesNotMatch(instance.log(), /process_ended/);
	for (const secret of [instance.demo.api_key, coach.token, session.parties.coachee.token, instance.demo.supervisor.password])
		assert.ok(!instance.log().includes(secret), 'no secret in the log');
});
