/*
 * What two real pages live through: lost ways, a reload, and the violent end of every process. The call comes back by
 * itself, a recording is never torn, and what should run and does not is shown. One story, in order.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { Instance, sleep, until } from './lib/instance.mjs';
import { openBrowser, openPage } from './lib/browser.mjs';
import { enterCall, gateOf, giveConsent, hook, seesPeer, waitGate } from './lib/pages.mjs';
import { decodeErrors, duration, exportWithAge, readCues } from './lib/recording.mjs';

/* A call is back, and a process restarted, within these. */
const BACK_MS = 5000, RESTART_MS = 1000;

const work = mkdtempSync(join(tmpdir(), 'aparte-resilience-'));
let instance, session, browsers, coach, coachee;
before(async () => {
	instance = await Instance.start();
	session = await instance.session();
	browsers = { coach: await openBrowser('coach'), coachee: await openBrowser('coachee') };
});
after(async () => {
	await Promise.all(Object.values(browsers ?? {}).map((browser) => browser.close()));
	await instance?.stop();
	rmSync(work, { recursive: true, force: true });
});

/* Kept in the page: its connections, and every state of the gate it showed. */
function watchPage(gateSelector) {
	globalThis.connections = [];
	const add = RTCPeerConnection.prototype.addTransceiver;
	RTCPeerConnection.prototype.addTransceiver = function (...given) {
		if (!globalThis.connections.includes(this))
			globalThis.connections.push(this);
		return add.apply(this, given);
	};
	globalThis.gates = [];
	new MutationObserver(() => {
		const gate = document.querySelector(gateSelector);
		const shown = gate && `${gate.dataset.state}: ${gate.dataset.reasons}`;
		if (shown && shown !== globalThis.gates.at(-1)?.shown)
			globalThis.gates.push({ shown, at: Date.now() });
	}).observe(document, { subtree: true, childList: true, attributes: true });
}

async function joinWatched(browser, url) {
	const page = await openPage(browser, url);
	await page.addInitScript(watchPage, hook('gate-state'));
	await page.evaluate(watchPage, hook('gate-state'));
	page.answers = [];
	page.on('response', (response) => page.answers.push({ method: response.request().method(), status: response.status() }));
	await enterCall(page);
	return page;
}

const pages = () => [coach, coachee];
const gatesSince = (page, at) => page.evaluate((from) => globalThis.gates.filter((gate) => gate.at >= from)
	.map(({ shown }) => shown), at);
const recordings = async () => (await instance.platform('GET', `/v1/sessions/${session.id}`)).body.recordings;
const epoch = async () => (await instance.platform('GET', `/v1/sessions/${session.id}`)).body.gate.epoch;
const stateOf = async (id) => (await recordings()).find((one) => one.id === id)?.state;

/* The present connection as its own statistics tell it. */
function transport(page) {
	return page.evaluate(async () => {
		const pc = globalThis.connections.at(-1);
		const stats = [...(await pc.getStats()).values()];
		const { dtlsState, iceLocalUsernameFragment, iceState } = stats.find(({ type }) => type === 'transport');
		const frames = stats.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video')?.framesDecoded ?? 0;
		return { connections: globalThis.connections.length, dtlsState, iceState, ufrag: iceLocalUsernameFragment, frames };
	});
}

async function bothSee(ms) {
	await Promise.all([seesPeer(coach, 'coachee', ms), seesPeer(coachee, 'coach', ms)]);
}

async function bothOpen(ms = 15000) {
	await Promise.all(pages().map((page) => waitGate(page, 'open', ms)));
}

/* Kills one process of the instance as nothing else could; answers when its successor runs. */
async function kill(program) {
	const old = instance.processes()[program];
	const at = Date.now();
	process.kill(old, 'SIGKILL');
	await until(`another ${program}`, () => (instance.processes()[program] ?? old) !== old, RESTART_MS + 1000, 20);
	return { at, restarted: Date.now() - at };
}

const firstSeen = new Map();

/* The one recording under way, once both tracks have media on disk: of 9 s a kill may cost the last 4. */
async function underWay() {
	const id = await until('a recording under way', async () =>
		(await recordings()).find(({ state }) => state === 'recording')?.id);
	if (!firstSeen.has(id))
		firstSeen.set(id, Date.now());
	await until('its segments', () => {
		const sealed = instance.files().filter(({ path }) => path.includes(id) && path.endsWith('.age'));
		return ['coach', 'coachee'].every((role) => sealed.filter(({ path }) => path.includes(`/${role}/`)).length >= 2);
	}, 15000, 200);
	await sleep(Math.max(0, firstSeen.get(id) + 9000 - Date.now()));
	return id;
}

async function isWhole(id, least) {
	const files = await exportWithAge(instance, id, join(work, id));
	for (const file of Object.values(files)) {
		assert.equal(await decodeErrors(file), '', file);
		const { cues, whole } = readCues(file);
		assert.ok(whole && cues.length > 0, `${file}: ${cues.length} cues`);
		for (const cue of cues)
			assert.ok(cue.cluster && cue.keyframe, `${file}: cue at ${cue.time} ms`);
		const length = await duration(file);
		assert.ok(length >= least, `${file}: ${length} s`);
	}
}

test('both are in a recorded call', async () => {
	coach = await joinWatched(browsers.coach, session.parties.coach.join_url);
	coachee = await joinWatched(browsers.coachee, session.parties.coachee.join_url);
	await bothSee();
	await giveConsent(coach);
	await giveConsent(coachee);
	await bothOpen();
});

test('an ICE restart by the page is no disconnection', async () => {
	const id = await underWay();
	const was = await transport(coach);
	const at = Date.now();
	await coach.evaluate(() => {
		const pc = globalThis.connections.at(-1);
		Object.defineProperty(pc, 'connectionState', { value: 'failed', configurable: true });
		pc.dispatchEvent(new Event('connectionstatechange'));
		delete pc.connectionState;
	});
	const patch = await until('the answer to its PATCH', () => coach.answers.find(({ method }) => method === 'PATCH'));
	assert.equal(patch.status, 200, JSON.stringify(patch));
	const now = await until('new credentials in use, and frames', async () => {
		const seen = await transport(coach);
		return seen.ufrag !== was.ufrag && seen.frames > was.frames + 30 && seen;
	});
	assert.deepEqual([now.connections, now.dtlsState, now.iceState], [was.connections, 'connected', 'connected']);
	await coach.waitForSelector(`${hook('connection')}[data-state="connected"]`, { timeout: BACK_MS });
	await sleep(2500);
	await bothSee(BACK_MS);
	/* Whose media are away cannot say what is recorded meanwhile; nothing closed. */
	assert.deepEqual(await gatesSince(coach, at), ['closed: unknown', 'open: ']);
	assert.deepEqual(await gatesSince(coachee, at), [], 'the gate stayed open');
	assert.equal(await stateOf(id), 'recording');
});

test('after a reload the call is back, in the same recording', async () => {
	const id = await underWay(), first = await epoch();
	await coachee.reload();
	await bothSee(BACK_MS);
	await until('a new epoch', async () => await epoch() > first);
	await bothOpen();
	assert.deepEqual((await recordings()).map(({ id: one, state }) => [one, state]), [[id, 'recording']]);
});

test('the gateway is killed: both pages come back by themselves', async () => {
	const id = await underWay();
	const was = await Promise.all(pages().map(transport));
	const { at, restarted } = await kill('aparte-gateway');
	assert.ok(restarted <= RESTART_MS, `restarted after ${restarted} ms`);
	await until('new connections', async () => (await Promise.all(pages().map(transport)))
		.every(({ connections, dtlsState }, i) => dtlsState === 'connected' && connections > was[i].connections), BACK_MS);
	await bothSee(BACK_MS);
	const back = Date.now() - at;
	assert.ok(back < BACK_MS, `pictures after ${back} ms`);
	await bothOpen(BACK_MS);
	assert.deepEqual((await recordings()).map(({ id: one, state }) => [one, state]), [[id, 'recording']], 'the same recording');
});

/* The gate closed on both pages, for one of these reasons, soon after `at`. */
async function showedClosed(at, reasons) {
	for (const page of pages())
		await until(`closed is shown (${reasons})`, async () => (await page.evaluate(() => globalThis.gates))
			.some((gate) => gate.at >= at && gate.at < at + 1500 && reasons.test(gate.shown)), 3000)
			.catch(async (error) => { throw new Error(`${error.message}: ${JSON.stringify(await gatesSince(page, at))}`); });
}

/* Frames keep coming on the same connections: asked again and again for that long. */
async function callGoesOn(ms) {
	const was = await Promise.all(pages().map(transport));
	for (const until = Date.now() + ms; Date.now() < until;) {
		const before = await Promise.all(pages().map(transport));
		await sleep(700);
		(await Promise.all(pages().map(transport))).forEach((now, i) => {
			assert.ok(now.frames > before[i].frames, 'frames go on');
			assert.equal(now.connections, was[i].connections);
		});
	}
}

/* What a lost vault or capture leaves: the old recording sealed and whole, a new one under way. */
async function beginsAnew(old) {
	await until('the old recording is sealed', async () => await stateOf(old) === 'sealed', 10000);
	await bothOpen(10000);
	const next = await underWay();
	assert.notEqual(next, old);
	await isWhole(old, 3);
}

test('the vault is killed: no recording, an unharmed call, then a new recording', async () => {
	const old = await underWay();
	const [{ at, restarted }] = await Promise.all([kill('aparte-recorder'), callGoesOn(4000)]);
	assert.ok(restarted <= RESTART_MS, `restarted after ${restarted} ms`);
	await showedClosed(at, /^closed: vault$/);
	await beginsAnew(old);
});

test('a capture is killed: its recording is sealed, a new one begins', async () => {
	const old = await underWay();
	const at = Date.now();
	const [capture] = instance.processes().captures;
	process.kill(capture, 'SIGKILL');
	await showedClosed(at, /^closed: /);
	await callGoesOn(1000);
	await beginsAnew(old);
});

test('the zygote is killed: likewise', async () => {
	const old = await underWay();
	const { at, restarted } = await kill('aparte-capture');
	assert.ok(restarted <= RESTART_MS, `restarted after ${restarted} ms`);
	await showedClosed(at, /^closed: /);
	await callGoesOn(1000);
	await beginsAnew(old);
});

test('the launcher is told to end while recording: sealed, whole; after the next start all goes on', async () => {
	const old = await underWay();
	const { serve } = instance.processes();
	process.kill(serve, 'SIGTERM');
	await until('the launcher ended', () => {
		try {
			return !process.kill(serve, 0);
		} catch {
			return true;
		}
	}, 15000);
	assert.match(instance.log().split('\n').slice(-12).join('\n'), /program=aparte-recorder exit=0/);
	await instance.serve();
	assert.equal(await stateOf(old), 'sealed', 'at once, not found unfinished and mended');
	await bothSee(BACK_MS * 2);
	await beginsAnew(old);
	await sleep(13000);
	for (const page of pages())
		assert.equal(await gateOf(page), 'open', 'presence goes on too');
	for (const page of pages())
		assert.deepEqual(page.told.filter((line) => /^error: (?!Failed to load)/.test(line)), []);
});

test('a withdrawal counts while the vault hangs; what is given afterwards holds', async () => {
	const old = await underWay();
	const at = Date.now(), vault = instance.processes()['aparte-recorder'];
	process.kill(vault, 'SIGSTOP');
	try {
		await coach.click(hook('withdraw'));
		const metric = async (name) => Number(new RegExp(`^${name} (\\d+)`, 'm').exec(
			await (await fetch(`${instance.gateway}/metrics`)).text())[1]);
		await until('the tap is closed', async () => await metric('aparte_taps_open') === 0, 2000);
		await Promise.all(pages().map((page) => waitGate(page, 'closed', 8000)));
		assert.ok((await gatesSince(coachee, at)).includes('closed: vault'));
	} finally {
		process.kill(vault, 'SIGCONT');
	}
	await until('it is erased', async () => await stateOf(old) === 'erased');
	await until('what is missing is told', async () => /consent_missing/.test((await gatesSince(coach, at)).at(-1)));
	await callGoesOn(1000);
	await giveConsent(coach);
	await bothOpen();
	assert.notEqual(await underWay(), old);
});
