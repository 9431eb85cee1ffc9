/*
 * Real clients on bad networks: the call goes on, the recording keeps its length, and every frame that the other
 * person was shown is in it. Each frame carries its number; what a client decoded is compared with what the recording
 * shows. All media go through a relay that loses, delays, reorders, repeats and rebinds (seed: APARTE_TEST_SEED).
 * Many more ways, with exact accounts of every packet: tests/integration/network.c.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import puppeteer from 'puppeteer-core';
import { Instance, sleep, until } from './lib/instance.mjs';
import { openBrowser } from './lib/browser.mjs';
import { Lossy, leadThrough, seed } from './lib/lossy.mjs';
import { enterCall, giveConsent, hook, waitGate } from './lib/pages.mjs';
import { Party } from './lib/party.mjs';
import { Peer } from './lib/peer.mjs';
import { readBlocks } from './lib/picture.mjs';
import { adminCall } from './lib/staff.mjs';
import { decodeErrors, duration, exportWithAge, readFrames } from './lib/recording.mjs';

const outside = process.env.APARTE_TEST_ADDRESS, FRAMES = 1200, SECONDS = 6;
/* How long anything may take to come about: browsers and coders on a busy machine. And what must be seen to compare. */
const PATIENCE = 60000, ENOUGH = 60;
const work = mkdtempSync(join(tmpdir(), 'aparte-network-'));
let instance;
before(async () => {
	assert.ok(outside, 'run by tests/e2e/in_netns');
	console.log(`seed ${seed}`);
	instance = await Instance.start({ advertise: outside, config: { 'gateway.workers': 1 } });
});
after(async () => {
	await instance?.stop();
	rmSync(work, { recursive: true, force: true });
});

/* In the page, before its own scripts: media go through the relay, and what the peer's video shows is kept. */
function watch([selector, lead, read, address, port]) {
	const leadThroughRelay = new Function(`return (${lead})`)(), readNumber = new Function(`return (${read})`)();
	const set = RTCPeerConnection.prototype.setRemoteDescription;
	RTCPeerConnection.prototype.setRemoteDescription = function (given) {
		return set.call(this, { type: given.type, sdp: address ? leadThroughRelay(given.sdp, address, port) : given.sdp });
	};
	globalThis.shown = [];
	const canvas = document.createElement('canvas');
	canvas.width = 640;
	canvas.height = 41;
	const context = canvas.getContext('2d', { willReadFrequently: true });
	const look = (video) => {
		/* Only the rows that are read: 220 to 260 of 480. */
		context.drawImage(video, 0, (video.videoHeight * 220) / 480, video.videoWidth, (video.videoHeight * 41) / 480, 0, 0, 640, 41);
		const { data } = context.getImageData(0, 0, 640, 41);
		const seen = readNumber((x, y) => data[((y - 220) * 640 + x) * 4 + 1]);
		if (seen)
			globalThis.shown.push({ ...seen, at: Date.now() });
		video.requestVideoFrameCallback(() => look(video));
	};
	setInterval(() => {
		const video = document.querySelector(selector);
		if (video && !video.watched) {
			video.watched = true;
			video.requestVideoFrameCallback(() => look(video));
		}
	}, 200);
}

const watching = (lossy) => [hook('peer-video'), leadThrough.toString(), readBlocks.toString(), lossy?.address, lossy?.port];

/* Numbers that begin anew after 1199, laid out in a row; single misread ones are left out. */
function unwrap(seen, start) {
	let last = start;
	return seen.flatMap(({ number, at, time }) => {
		const step = ((number - last) % FRAMES + FRAMES + FRAMES / 2) % FRAMES - FRAMES / 2;
		if (number === null || Math.abs(step) > 240)
			return [];
		last += step;
		return [{ number: last, at, time }];
	});
}

/* What the other person was shown of this one between the recording's first and last frame is in it. */
async function isComplete(role, file, shown, opened, closed) {
	const frames = (await readFrames(file)).filter((frame) => frame.role === role);
	assert.ok(frames.length > 40, `${role}: ${frames.length} frames recorded`);
	const recorded = unwrap(frames, frames[0].number);
	const [first, last] = [recorded[0].number, recorded.at(-1).number];
	const numbers = new Set(recorded.map(({ number }) => number));
	const during = unwrap(shown.filter((frame) => frame.role === role && frame.at > opened && frame.at < closed), first);
	const kept = during.filter(({ number }) => number >= first && number <= last);
	const missing = kept.filter(({ number }) => !numbers.has(number));
	console.log(`${role}: shown ${during.length}, of these while recorded ${kept.length}, recorded ${recorded.length}, `
		+ `missing ${missing.length}`);
	assert.ok(kept.length > 20, `${role}: ${kept.length} frames to compare`);
	const when = missing.map(({ number, at }) => `${number} at ${((at - opened) / 1000).toFixed(2)} s`);
	assert.deepEqual(when, [], `${role}: shown, not recorded (${first} to ${last})`);
	/* The first keyframe after the opening and what was on its way at the end aside. */
	assert.ok(during.at(-1).number - last <= 30, `${role}: shown up to ${during.at(-1).number}, recorded up to ${last}`);
	const before = during.filter(({ number }) => number < first);
	assert.ok(before.length < 90, `${role}: ${before.length} frames shown before the first recorded one`);
}

/* As long as its epochs, by the vault's clock. */
async function isAsLong(role, recording, file) {
	const { epochs } = (await adminCall(instance, 'GET', `/v1/recordings/${recording.id}`)).body;
	const open = epochs.reduce((sum, { opened, closed }) => sum + Date.parse(closed) - Date.parse(opened), 0) / 1000;
	const length = await duration(file);
	console.log(`${role}: ${length.toFixed(2)} s long, ${open.toFixed(2)} s open in ${epochs.length} epochs`);
	assert.ok(Math.abs(length - open) <= 0.3, `${role}: ${length} s, open for ${open} s`);
}

/* The recording of a session whose gate was open between these times; `shown[role]`: what the other saw of that role. */
async function check(name, session, shown, opened, closed) {
	const { recordings } = (await instance.platform('GET', `/v1/sessions/${session.id}`)).body;
	assert.deepEqual(recordings.map(({ state }) => state), ['sealed']);
	const files = await exportWithAge(instance, recordings[0].id, join(work, name));
	for (const role of ['coach', 'coachee']) {
		assert.equal(await decodeErrors(files[role]), '');
		await isAsLong(role, recordings[0], files[role]);
		await isComplete(role, files[role], shown[role], opened, closed);
	}
	assert.ok(Math.abs(await duration(files.coach) - await duration(files.coachee)) < 0.05, 'both are as long');
}

/* The media did go through the relay. */
async function carried(relay) {
	const counts = await relay.counts();
	console.log(`relay: ${JSON.stringify(counts)}`);
	assert.ok(counts.up.packets > 200 && counts.down.packets > 200, JSON.stringify(counts));
}

async function end(session) {
	const closed = Date.now();
	assert.equal((await instance.platform('DELETE', `/v1/sessions/${session.id}`)).status, 204);
	return closed;
}

/* Two clients without pages, each through its relay; `during` happens while they are recorded. */
async function record(name, { scripts, ways, during }) {
	const session = await instance.session(), roles = ['coach', 'coachee'];
	const lossy = await Promise.all(ways.map((way) => Lossy.start(instance, outside, way)));
	const peers = roles.map((role, i) => new Peer(scripts[i], instance, session, role, lossy[i]));
	try {
		await Promise.all(peers.map((peer) => peer.connected()));
		await Promise.all(peers.map((peer) => peer.wait('video')));
		for (const role of roles) {
			const person = new Party(instance, session, role);
			await person.join();
			assert.equal((await person.post(await person.give(['recording']))).status, 201);
		}
		await until('the gate is open', async () =>
			(await instance.platform('GET', `/v1/sessions/${session.id}`)).body.gate.state === 'open', PATIENCE, 20);
		const opened = Date.now();
		await sleep(SECONDS * 500);
		during?.(lossy);
		await sleep(SECONDS * 500);
		const seen = () => peers.map((peer) => peer.told.filter(({ event }) => event === 'video'));
		await until('both saw enough', () =>
			seen().every((frames) => frames.filter(({ at }) => at > opened).length > ENOUGH), PATIENCE);
		const gate = (await instance.platform('GET', `/v1/sessions/${session.id}`)).body.gate;
		assert.deepEqual([gate.state, gate.epoch], ['open', 1], 'no epoch ended meanwhile');
		const closed = await end(session);
		for (const relay of lossy)
			await carried(relay);
		const [byCoach, byCoachee] = seen();
		await check(name, session, { coach: byCoachee, coachee: byCoach }, opened, closed);
	} finally {
		await Promise.all(peers.map((peer) => peer.close()));
		await Promise.all(lossy.map((relay) => relay.stop()));
	}
}

test('aiortc, whose NAT forgets it, and @roamhq/wrtc: 5 % lost, some reordered', () => record('aiortc-wrtc', {
	scripts: ['aiortc_peer.py', 'wrtc_peer.mjs'],
	ways: ['loss=0.05,delay=10', 'loss=0.05,reorder=0.05,reorder_ms=40,delay=10'],
	during: ([first]) => first.rebind(),
}));

test('webrtcbin, which repeats nothing, and @roamhq/wrtc: 100 ms of jitter, repeated datagrams', () => record('webrtcbin-wrtc', {
	scripts: ['webrtcbin_peer.py', 'wrtc_peer.mjs'],
	ways: ['jitter=100,duplicate=0.1', 'jitter=100,delay=20,duplicate=0.1'],
}));

/* Joins by the real pages, media through relays; lossy null: straight. */
async function joinChromium(browser, session, role, lossy) {
	const context = await browser.newContext();
	const page = await context.newPage();
	page.told = [];
	page.on('console', (message) => page.told.push(message.text()));
	await page.addInitScript(watch, watching(lossy));
	await page.goto(session.parties[role].join_url);
	await enterCall(page);
	return page;
}

async function joinFirefox(firefox, session, role, lossy) {
	const page = await firefox.newPage();
	await page.evaluateOnNewDocument(watch, watching(lossy));
	await page.goto(session.parties[role].join_url);
	await page.waitForSelector(hook('join-start'), { timeout: PATIENCE });
	await page.click(hook('join-start'));
	await page.waitForSelector(hook('gate-state'), { timeout: PATIENCE });
	return page;
}

const openFirefox = () => puppeteer.launch({ browser: 'firefox', executablePath: '/usr/bin/firefox-esr', headless: true, timeout: PATIENCE,
	extraPrefsFirefox: { 'media.navigator.streams.fake': true, 'media.navigator.permission.disabled': true,
		'media.peerconnection.ice.obfuscate_host_addresses': false, 'media.autoplay.default': 0,
		'datareporting.policy.dataSubmissionEnabled': false, 'app.update.enabled': false } });

/* Firefox has its own fake picture, which carries no numbers: what it sends is only counted. */
test('Firefox, whose NAT forgets it, sees all of Chromium that is recorded: 5 % lost, 100 ms of jitter', async () => {
	const session = await instance.session();
	const lossy = await Promise.all([0, 1].map(() => Lossy.start(instance, outside, 'loss=0.05,delay=10,jitter=100')));
	const [chromium, firefox] = await Promise.all([openBrowser('coach'), openFirefox()]);
	try {
		const coach = await joinChromium(chromium, session, 'coach', lossy[0]);
		const coachee = await joinFirefox(firefox, session, 'coachee', lossy[1]);
		const played = () => coach.evaluate((css) => document.querySelector(css).getVideoPlaybackQuality().totalVideoFrames, hook('peer-video'));
		await until('Firefox sees the coach', () => coachee.evaluate(() => globalThis.shown.length > 10), PATIENCE);
		await until('Chromium sees the coachee', async () => await played() > 10, PATIENCE);
		await giveConsent(coach);
		if (!await coachee.$(hook('consent-panel')))
			await coachee.click(hook('open-consent'));
		await coachee.click(hook('consent-purpose-recording'));
		await coachee.click(hook('consent-accept'));
		await waitGate(coach, 'open', PATIENCE);
		const opened = Date.now();
		await sleep(SECONDS * 500);
		const were = await played(), forgotten = Date.now();
		lossy[1].rebind();
		await until('the call goes on', async () => await played() > were + ENOUGH, PATIENCE);
		await sleep(SECONDS * 500);
		await until('Firefox sees the coach again', () => coachee.evaluate(([since, enough]) =>
			globalThis.shown.filter(({ at }) => at > since).length > enough, [forgotten, ENOUGH]), PATIENCE);
		assert.equal((await instance.platform('GET', `/v1/sessions/${session.id}`)).body.gate.epoch, 1, 'no epoch ended');
		const closed = await end(session), shown = await coachee.evaluate(() => globalThis.shown);
		for (const relay of lossy)
			await carried(relay);
		const { recordings } = (await instance.platform('GET', `/v1/sessions/${session.id}`)).body;
		const files = await exportWithAge(instance, recordings[0].id, join(work, 'firefox'));
		for (const role of ['coach', 'coachee']) {
			assert.equal(await decodeErrors(files[role]), '');
			await isAsLong(role, recordings[0], files[role]);
		}
		await isComplete('coach', files.coach, shown, opened, closed);
	} finally {
		await Promise.all([chromium.close(), firefox.close()]);
		await Promise.all(lossy.map((relay) => relay.stop()));
	}
});

/* The namespace is ours alone: its loopback device carries all of it. */
test('only TCP gets through, and no packet larger than 1280 bytes', async () => {
	const rule = (...words) => execFileSync('nft', words.join(' ').split(' '));
	execFileSync('ip', ['link', 'set', 'lo', 'mtu', '1280']);
	rule('add table inet wall');
	execFileSync('nft', ['add chain inet wall in { type filter hook input priority 0; }']);
	rule('add rule inet wall in meta l4proto udp drop');
	const session = await instance.session();
	const browsers = await Promise.all([openBrowser('coach'), openBrowser('coachee')]);
	try {
		const pages = await Promise.all(browsers.map((browser, i) =>
			joinChromium(browser, session, ['coach', 'coachee'][i], null)));
		for (const page of pages)
			await until('the other is seen', () => page.evaluate(() => globalThis.shown.length > 10), PATIENCE);
		for (const page of pages)
			await giveConsent(page);
		await waitGate(pages[0], 'open', PATIENCE);
		const opened = Date.now();
		await sleep(SECONDS * 1000);
		for (const page of pages)
			await until('enough is seen', () => page.evaluate(([since, enough]) =>
				globalThis.shown.filter(({ at }) => at > since).length > enough, [opened, ENOUGH]), PATIENCE);
		const closed = await end(session);
		const [byCoach, byCoachee] = await Promise.all(pages.map((page) => page.evaluate(() => globalThis.shown)));
		await check('tcp', session, { coach: byCoachee, coachee: byCoach }, opened, closed);
	} finally {
		await Promise.all(browsers.map((browser) => browser.close()));
		rule('delete table inet wall');
		execFileSync('ip', ['link', 'set', 'lo', 'mtu', '65536']);
	}
});
