/* A recording made without a browser: two aiortc clients, two consents. */
import { Party } from './party.mjs';
import { Peer } from './peer.mjs';
import { sleep, until } from './instance.mjs';

/* Both connected and given; the gate is open when this answers. */
export async function openGate(instance, { purposes = ['recording', 'supervision'], session: overrides } = {}) {
	const session = await instance.session(overrides);
	const persons = { coach: new Party(instance, session, 'coach'), coachee: new Party(instance, session, 'coachee') };
	const peers = ['coach', 'coachee'].map((role) => new Peer('aiortc_peer.py', instance, session, role));
	const open = { session, ...persons, peers, receipts: {}, statements: {},
		close: () => Promise.all(peers.map((peer) => peer.close())) };
	try {
		await Promise.all(peers.map((peer) => peer.connected()));
		for (const [role, person] of Object.entries(persons)) {
			await person.join();
			const body = await person.give(purposes);
			const answer = await person.post(body);
			if (answer.status !== 201)
				throw new Error(`the give of the ${role}: ${answer.text}`);
			open.receipts[role] = answer.body;
			open.statements[role] = body.statement;
		}
		await until('the gate is open', async () => (await persons.coach.gate()).state === 'open');
	} catch (error) {
		await open.close();
		throw error;
	}
	return open;
}

/* Records that many seconds, ends the session: { …, recording } once it is sealed. */
export async function record(instance, seconds = 5, options = {}) {
	const open = await openGate(instance, options);
	await sleep(seconds * 1000);
	await instance.platform('DELETE', `/v1/sessions/${open.session.id}`);
	await open.close();
	const { recordings } = (await instance.platform('GET', `/v1/sessions/${open.session.id}`)).body;
	return { ...open, recording: recordings[0].id };
}
