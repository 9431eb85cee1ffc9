/* Persons without a browser: python3-aiortc, and GStreamer's webrtcbin where the network allows it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { Instance, sleep, until } from './lib/instance.mjs';
import { Party } from './lib/party.mjs';
import { Peer } from './lib/peer.mjs';
import { openGate } from './lib/record.mjs';
import { TONE } from './lib/picture.mjs';
import { decodeErrors, duration, exportWithAge, readFrames, readSound, toneAt } from './lib/recording.mjs';

/* An address that is not loopback exists only inside tests/e2e/in_netns. */
const outside = process.env.APARTE_TEST_ADDRESS;
const work = mkdtempSync(join(tmpdir(), 'aparte-clients-'));
let instance;
before(async () => { instance = await Instance.start(outside ? { advertise: `127.0.0.1,${outside}` } : {}); });
after(async () => {
	await instance?.stop();
	rmSync(work, { recursive: true, force: true });
});

test('two aiortc clients see and hear each other, and are recorded', async () => {
	const open = await openGate(instance);
	try {
		for (const [i, other] of [[0, 'coachee'], [1, 'coach']]) {
			const seen = await open.peers[i].wait('video', ({ readable, forward }) => readable > 60 && forward > 50);
			assert.equal(seen.role, other);
			assert.equal((await open.peers[i].wait('audio')).role, other);
		}
		await sleep(3000);
	} finally {
		await instance.platform('DELETE', `/v1/sessions/${open.session.id}`);
		await open.close();
	}
	const { recordings } = (await instance.platform('GET', `/v1/sessions/${open.session.id}`)).body;
	const tracks = await exportWithAge(instance, recordings[0].id, work);
	for (const role of ['coach', 'coachee']) {
		assert.equal(await decodeErrors(tracks[role]), '');
		const frames = (await readFrames(tracks[role])).filter(({ number }) => number !== null);
		assert.ok(frames.length > 60 && frames.every((frame) => frame.role === role), `${frames.length} frames`);
		assert.ok(await duration(tracks[role]) > 3);
		const sound = await readSound(tracks[role]);
		const own = toneAt(sound, TONE[role], 16000, 40000);
		assert.ok(own > 0.02, `the tone of the ${role}: ${own}`);
	}
});

test('a GStreamer webrtcbin client talks with an aiortc one', { skip: outside ? false : 'only inside in_netns' }, async () => {
	const session = await instance.session();
	const gst = new Peer('webrtcbin_peer.py', instance, session, 'coach');
	const other = new Peer('aiortc_peer.py', instance, session, 'coachee');
	try {
		await Promise.all([gst.connected(), other.connected()]);
		await gst.wait('video', ({ frames }) => frames >= 50);
		await gst.wait('audio', ({ frames }) => frames >= 50);
		await other.wait('audio', ({ frames }) => frames >= 50);
		await until('the coachee receives', async () => other.last('audio')?.level > 100);
		const me = await new Party(instance, session, 'coachee').me();
		assert.equal(me.peer.connected, true);
	} finally {
		await Promise.all([gst.close(), other.close()]);
	}
});
