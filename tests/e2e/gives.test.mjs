/* Every wrong give is refused with its own error and opens nothing; every broken withdrawal closes all the same. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { randomBytes, randomUUID } from 'node:crypto';
import { Instance, until } from './lib/instance.mjs';
import { canonical, makeKey, Party } from './lib/party.mjs';
import { Peer } from './lib/peer.mjs';
import { errorName } from './lib/staff.mjs';

let instance;
before(async () => { instance = await Instance.start(); });
after(async () => instance?.stop());

/* A fresh session with both persons joined, nothing given. */
async function couple(overrides) {
	const session = await instance.session(overrides);
	const coach = new Party(instance, session, 'coach'), coachee = new Party(instance, session, 'coachee');
	await coach.join();
	await coachee.join();
	return { session, coach, coachee };
}

async function refused(party, body, status, name) {
	const answer = await party.post(body);
	assert.equal(answer.status, status, `${name}: ${answer.text}`);
	assert.equal(errorName(answer), name);
	assert.match(answer.headers.get('content-type'), /^application\/problem\+json/);
	assert.ok(answer.body.detail.length > 10, 'detail says what to do');
	const gate = await party.gate();
	assert.equal(gate.state, 'closed');
	assert.ok(gate.reasons.includes('consent_missing'), JSON.stringify(gate));
	assert.equal((await party.me()).consents.recording, 'ConsentUnknown');
}

/* name → [status, error, how the give is spoilt] */
const wrong = {
	'forged: the text was changed after signing': [403, 'statement-signature',
		{ signature: (text) => instance.party.sign(text.replace('api', 'button')) }],
	'signed with a key other than the one it names': [403, 'statement-signature',
		{ signature: (text) => instance.party.sign(text, makeKey()) }],
	'a key that is not this person’s device': [403, 'statement-key', { key: makeKey() }],
	'stale: six minutes old': [422, 'statement-stale', { members: { event_time: new Date(Date.now() - 360000).toISOString() } }],
	'from the future': [422, 'statement-stale', { members: { event_time: new Date(Date.now() + 360000).toISOString() } }],
	'a notice that was never shown': [422, 'statement-notice',
		{ members: { privacy_notice: { version: '1', lang: 'en', sha256: '0'.repeat(64) } } }],
	'another session': [403, 'statement-party', { members: { session: randomUUID() } }],
	'the other role': [403, 'statement-party', { members: { role: 'coachee' } }],
	'another person': [403, 'statement-party', { members: { pii_principal: 'someone-else' } }],
	'a share that is not the one committed to': [403, 'statement-share', { share: randomBytes(32) }],
	'a share sealed for the other role': [403, 'statement-share', { role: 'coachee' }],
	'a purpose that is not offered': [403, 'statement-purpose', { purposes: ['recording', 'advertising'] }],
	'a purpose twice': [400, 'statement-malformed', { purposes: ['recording', 'recording'] }],
	'no purpose': [400, 'statement-malformed', { purposes: [] }],
	'not canonical: a space': [400, 'statement-malformed', { text: (members) => canonical(members).replace(':', ': ') }],
	'not JSON': [400, 'statement-malformed', { text: () => '{"schema_version":"1"' }],
	'a name twice': [400, 'statement-malformed', { text: (m) => canonical(m).replace('{', '{"event":"ConsentGiven",') }],
};

for (const [name, [status, error, spoil]] of Object.entries(wrong))
	test(`R1 a give is refused: ${name}`, async () => {
		const { coach, coachee } = await couple();
		instance.party = coach;
		assert.equal((await coachee.post(await coachee.give())).status, 201);
		await refused(coach, await coach.give(spoil.purposes ?? ['recording'], spoil), status, error);
	});

test('a give is refused: replayed', async () => {
	const { coach } = await couple();
	const body = await coach.give(['recording']);
	assert.equal((await coach.post(body)).status, 201);
	assert.equal((await coach.post(await coach.decide('ConsentWithdrawn'))).status, 201);
	const answer = await coach.post(body);
	assert.equal(answer.status, 409, answer.text);
	assert.equal(errorName(answer), 'statement-replayed');
	assert.equal((await coach.me()).consents.recording, 'ConsentWithdrawn');
});

test('a give is refused: reordered, made before the last accepted statement', async () => {
	const { coach } = await couple();
	const early = await coach.give(['recording'], { members: { event_time: new Date(Date.now() - 60000).toISOString() } });
	assert.equal((await coach.post(await coach.decide('ConsentRefused'))).status, 201);
	const answer = await coach.post(early);
	assert.equal(answer.status, 422, answer.text);
	assert.equal(errorName(answer), 'statement-stale');
	assert.equal((await coach.me()).consents.recording, 'ConsentRefused');
});

test('a give is refused: too large, without a token, with an unknown token', async () => {
	const { coach } = await couple();
	const answer = await coach.post(await coach.give(['recording'], { members: { padding: 'x'.repeat(9000) } }));
	assert.equal(answer.status, 413, answer.text);
	assert.equal(errorName(answer), 'too-large');
	const body = await coach.give();
	coach.token = `${coach.token.slice(0, -2)}AA`;
	assert.equal(errorName(await coach.post(body)), 'token-invalid');
});

test('R5 a key given by the platform is the only one accepted', async () => {
	const key = makeKey();
	const session = await instance.session({ coach: { id: 'c-9', locale: 'fr', key: key.public } });
	const coach = new Party(instance, session, 'coach');
	const other = await coach.enrol();
	assert.notEqual(other.status, 200);
	assert.notEqual(other.status, 204);
	coach.key = key;
	await coach.join();
	assert.equal((await coach.post(await coach.give())).status, 201);
});

test('R34 the peer and the platform see only given or unknown', async () => {
	const { session, coach, coachee } = await couple();
	assert.equal((await coach.post(await coach.decide('ConsentRefused', ['recording', 'supervision']))).status, 201);
	assert.equal((await coach.me()).consents.recording, 'ConsentRefused');
	const seen = await instance.platform('GET', `/v1/sessions/${session.id}`);
	assert.equal(seen.body.parties.coach.consents.recording ?? 'ConsentUnknown', 'ConsentUnknown');
	const peer = await coachee.me();
	for (const text of [JSON.stringify(seen.body), JSON.stringify(peer)])
		assert.doesNotMatch(text, /ConsentRefused|ConsentWithdrawn/);
});

/* Both connected by a client without a browser, both given: open. */
async function openSession() {
	const { session, coach, coachee } = await couple();
	const peers = [new Peer('aiortc_peer.py', instance, session, 'coach'), new Peer('aiortc_peer.py', instance, session, 'coachee')];
	await Promise.all(peers.map((peer) => peer.connected()));
	await coach.post(await coach.give());
	await coachee.post(await coachee.give());
	await until('the gate is open', async () => (await coach.gate()).state === 'open');
	return { session, coach, coachee, close: () => Promise.all(peers.map((peer) => peer.close())) };
}

/* name → the body of a withdrawal with one thing wrong */
const broken = {
	'a wrong signature': async (party) => ({ ...await party.decide('ConsentWithdrawn'), signature: 'A'.repeat(86) }),
	'no signature and no key': async (party) => ({ statement: (await party.decide('ConsentWithdrawn')).statement }),
	'a wrong clock': async (party) => party.decide('ConsentWithdrawn', ['recording'], { event_time: '2001-01-01T00:00:00.000Z' }),
	'a notice that does not exist': async (party) => party.decide('ConsentWithdrawn', ['recording'],
		{ privacy_notice: { version: '0', lang: 'en', sha256: 'f'.repeat(64) } }),
	'a key that was never enrolled': async (party) => {
		const body = await party.decide('ConsentWithdrawn');
		const key = makeKey();
		return { ...body, key: key.public, signature: party.sign(body.statement, key) };
	},
	'another person named': async (party) => party.decide('ConsentWithdrawn', ['recording'], { pii_principal: 'nobody' }),
	'a refusal without form': async () => ({ statement: '{"event":"ConsentRefused"}' }),
};

for (const [name, make] of Object.entries(broken))
	test(`R7 a withdrawal closes the gate with ${name}`, async () => {
		const open = await openSession();
		try {
			const answer = await open.coachee.post(await make(open.coachee));
			assert.equal(answer.status, 201, answer.text);
			const gate = await open.coach.gate();
			assert.notEqual(gate.state, 'open');
			assert.ok(gate.reasons.includes('consent_missing'), JSON.stringify(gate));
		} finally {
			await open.close();
		}
	});
