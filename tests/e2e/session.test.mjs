/*
 * The main job with two real browsers through the real pages: they see and hear each other, nothing is recorded before
 * both agree, and what is recorded is what was agreed to. One story, in order; each step leans on the one before.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { Instance, sleep, until } from './lib/instance.mjs';
import { noteOwnFrames, openBrowser, openPage, ownFrames, readTone, readVideo } from './lib/browser.mjs';
import { enterCall, gateOf, giveConsent, hook, joinCall, refuseConsent, seesPeer, signIn, waitGate } from './lib/pages.mjs';
import { TONE } from './lib/picture.mjs';
import { decodeErrors, duration, exportWithAge, mkvinfo, readCues, readFrames, readSound, toneAt } from './lib/recording.mjs';
import { adminCall, errorName, Staff } from './lib/staff.mjs';

const work = mkdtempSync(join(tmpdir(), 'aparte-session-'));
let instance, session, browsers, coach, coachee, recording;
/* What one step leaves for later ones. */
const story = {};

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

const recordingsOnDisk = () => readdirSync(join(instance.home, 'recordings'));
const seenByPlatform = async () => (await instance.platform('GET', `/v1/sessions/${session.id}`)).body;

test('both join through their links and see and hear each other', async () => {
	coach = await joinCall(browsers.coach, session.parties.coach.join_url);
	coachee = await joinCall(browsers.coachee, session.parties.coachee.join_url);
	await seesPeer(coach, 'coachee');
	await seesPeer(coachee, 'coach');
	await until('the coach hears the coachee', async () => await readTone(coach, hook('peer-audio'), TONE.coachee) > 25);
	await until('the coachee hears the coach', async () => await readTone(coachee, hook('peer-audio'), TONE.coach) > 25);
	for (const page of [coach, coachee])
		assert.ok(!page.url().includes(session.parties.coach.token) && !page.url().includes(session.parties.coachee.token),
			'the address bar was cleared of the token');
});

test('R1 joining records nothing, and no box is ticked in advance', async () => {
	for (const page of [coach, coachee]) {
		assert.equal(await gateOf(page), 'closed');
		assert.equal(await page.locator(`${hook('consent-panel')} input:checked`).count(), 0);
	}
	await sleep(1500);
	assert.deepEqual(recordingsOnDisk(), []);
	assert.deepEqual((await seenByPlatform()).recordings, []);
});

test('R1 one consent records nothing', async () => {
	await giveConsent(coach, ['recording', 'supervision']);
	await sleep(1500);
	assert.equal(await gateOf(coach), 'closed');
	assert.equal(await gateOf(coachee), 'closed');
	assert.deepEqual(recordingsOnDisk(), []);
	assert.deepEqual(instance.processes().captures, []);
});

test('the second consent opens the gate, both see it', async () => {
	await noteOwnFrames(coach, hook('self-video'));
	await giveConsent(coachee, ['recording', 'supervision']);
	await Promise.all([waitGate(coach, 'open'), waitGate(coachee, 'open')]);
	[recording] = (await seenByPlatform()).recordings;
	assert.equal(recording.state, 'recording');
	await coach.waitForSelector(`${hook('receipt-status')}[data-verified="true"]`, { timeout: 10000 });
	await sleep(7000);
	assert.equal(await gateOf(coach), 'open', 'presence keeps it open');
});

test('R31 off the record: one click closes it, both must resume', async () => {
	await coach.click(hook('pause'));
	await Promise.all([waitGate(coach, 'closed', 3000), waitGate(coachee, 'closed', 3000)]);
	story.paused = await readVideo(coach, hook('self-video'));
	await seesPeer(coach, 'coachee', 8000);
	await sleep(2500);
	await coach.click(hook('resume'));
	await sleep(800);
	assert.equal(await gateOf(coachee), 'closed', 'one cannot resume alone');
	await coachee.click(hook('resume'));
	await Promise.all([waitGate(coach, 'open'), waitGate(coachee, 'open')]);
	await sleep(5000);
});

test('a reload of one page is a new epoch of the same recording', async () => {
	const { epoch } = (await seenByPlatform()).gate;
	await coachee.reload();
	await enterCall(coachee);
	await until('the next epoch', async () => {
		const { gate } = await seenByPlatform();
		return gate.epoch > epoch && gate.state === 'open';
	}, 25000);
	await seesPeer(coachee, 'coach');
	await seesPeer(coach, 'coachee');
	await Promise.all([waitGate(coach, 'open'), waitGate(coachee, 'open')]);
	await sleep(6000);
	const { recordings } = await seenByPlatform();
	assert.deepEqual(recordings.map(({ id }) => id), [recording.id]);
});

test('the session’s end hangs up both and seals', async () => {
	story.own = await ownFrames(coach);
	const answer = await instance.platform('DELETE', `/v1/sessions/${session.id}`);
	assert.equal(answer.status, 204);
	const body = await seenByPlatform();
	assert.equal(body.state, 'ended');
	assert.deepEqual(body.recordings.map(({ id, state }) => [id, state]), [[recording.id, 'sealed']]);
	await until('no capture is left', () => instance.processes().captures.length === 0, 5000);
	for (const page of [coach, coachee]) {
		await until('the call is over', async () => !await readVideo(page, hook('peer-video')).catch(() => null));
		assert.deepEqual(page.foreign, [], 'no request to anyone else');
		assert.deepEqual(page.told.filter((line) => /Content Security Policy|^error:/.test(line)), []);
	}
});

const tracks = {};
test('the stock age tool opens it with the exported identities; the files are whole', async () => {
	Object.assign(tracks, await exportWithAge(instance, recording.id, work));
	for (const role of ['coach', 'coachee']) {
		assert.equal(await decodeErrors(tracks[role]), '', role);
		const info = await mkvinfo(tracks[role]);
		assert.doesNotMatch(info, /error|invalid|not found|unknown element/i);
		const { cues, clusters, whole } = readCues(tracks[role]);
		assert.ok(whole, 'the segment’s size is the file’s');
		assert.ok(cues.length >= 5 && clusters >= 12, `${cues.length} cues, ${clusters} clusters`);
		for (const cue of cues)
			assert.ok(cue.cluster && cue.keyframe, `cue at ${cue.time} ms`);
	}
});

test('duration is the sum of the epochs, by the frame counter', async () => {
	const { epochs } = (await adminCall(instance, 'GET', `/v1/recordings/${recording.id}`)).body;
	assert.equal(epochs.length, 3, 'the first, after the pause, after the reload');
	const times = epochs.map(({ opened, closed }) => [Date.parse(opened), Date.parse(closed)]);
	const open = times.reduce((sum, [from, to]) => sum + (to - from) / 1000, 0);
	for (const role of ['coach', 'coachee']) {
		const length = await duration(tracks[role]);
		assert.ok(Math.abs(length - open) < 0.3, `${role}: ${length} s in the file, ${open} s open by the vault`);
	}
	/* When the coach's own page showed a frame is when it was made: so each epoch's file time is compared with wall time. */
	const frames = (await readFrames(tracks.coach)).filter(({ number }) => number !== null);
	assert.ok(frames.every(({ role }) => role === 'coach'), 'only that person’s picture');
	let start = 0;
	for (const [from, to] of times) {
		const shown = new Map(story.own.filter(([at]) => at > from - 2000 && at < to + 2000).map(([at, number]) => [number, at]));
		const inside = frames.filter(({ time, number }) => time >= start && time < start + (to - from) / 1000 && shown.has(number));
		assert.ok(inside.length > 20, `${inside.length} frames of that epoch`);
		const offsets = inside.map(({ time, number }) => shown.get(number) - from - (time - start) * 1000);
		const off = offsets.sort((x, y) => x - y)[offsets.length >> 1];
		assert.ok(Math.abs(off) < 300, `file time and wall time differ by ${off} ms`);
		start += (to - from) / 1000;
	}
});

test('nothing of the closed time is in it', async () => {
	for (const role of ['coach', 'coachee']) {
		const frames = (await readFrames(tracks[role])).filter(({ number }) => number !== null);
		const jumps = frames.slice(1).filter((frame, i) => {
			const steps = (frame.number - frames[i].number + 1200) % 1200;
			return steps > 45 && frame.time - frames[i].time < 1;
		});
		assert.ok(jumps.length >= 1, 'the counter jumps where the gate was closed, the file’s time does not');
	}
	const own = (await readFrames(tracks.coach)).map(({ number }) => number);
	const pausedAt = (story.paused.number + 45) % 1200;
	assert.ok(!own.includes(pausedAt), `frame ${pausedAt} was shown off the record`);
});

test('the right tone is in it', async () => {
	for (const [role, other] of [['coach', 'coachee'], ['coachee', 'coach']]) {
		const sound = await readSound(tracks[role]);
		const from = 2 * 16000, to = 5 * 16000;
		const own = toneAt(sound, TONE[role], from, to), foreign = toneAt(sound, TONE[other], from, to);
		assert.ok(own > 0.004 && own > 20 * foreign, `${role}: ${own} against ${foreign}`);
	}
});

test('R10 a supervisor without a grant sees nothing; with one the page plays and seeks', async () => {
	const supervisor = await Staff.login(instance, instance.demo.supervisor);
	assert.deepEqual((await supervisor.call('GET', '/v1/recordings')).body.recordings, []);
	const begin = await supervisor.call('POST', `/v1/recordings/${recording.id}/accesses`, { purpose: 'supervision', reason: 'x' });
	assert.ok([403, 404].includes(begin.status));
	const grant = await adminCall(instance, 'POST', '/v1/grants', { recording: recording.id, supervisor: 'supervisor',
		purpose: 'supervision', expires: new Date(Date.now() + 3600000).toISOString() });
	assert.equal(grant.status, 201, JSON.stringify(grant.body));
	assert.equal((await supervisor.call('GET', '/v1/recordings')).body.recordings.length, 1);
	const bare = await supervisor.call('GET', `/v1/recordings/${recording.id}/tracks/coach`);
	assert.equal(errorName(bare), 'access-reason-required');

	const page = await openPage(browsers.coach, `${instance.vault}/`);
	await signIn(page, instance.demo.supervisor);
	await page.click(`${hook('recording-row')}[data-id="${recording.id}"] ${hook('recording-open')}`);
	await page.selectOption(hook('access-purpose'), 'supervision');
	await page.fill(hook('access-reason'), 'Supervision of the week');
	await page.click(hook('access-begin'));
	for (const role of ['coach', 'coachee'])
		await until(`the ${role}'s track plays`, async () => (await readVideo(page, hook(`player-${role}`)))?.role === role, 20000)
			.catch(async (error) => { throw new Error(`${error.message}\n${page.told.join('\n')}`); });
	const play = page.locator(hook('player-play'));
	if (await page.evaluate((css) => document.querySelector(css).paused, hook('player-coach')))
		await play.click();
	await until('time goes on', () => page.evaluate((css) => document.querySelector(css).currentTime > 1, hook('player-coach')));
	const frames = await readFrames(tracks.coachee);
	await page.evaluate((css) => {
		const line = document.querySelector(css);
		line.value = '10';
		line.dispatchEvent(new Event('input', { bubbles: true }));
	}, hook('player-timeline'));
	await until('both are at the new place', () => page.evaluate(([a, b]) => [a, b].every((css) => {
		const video = document.querySelector(css);
		return !video.seeking && video.currentTime >= 9.9 && video.currentTime < 16;
	}), [hook('player-coach'), hook('player-coachee')]));
	const [shown, time] = [await readVideo(page, hook('player-coachee')),
		await page.evaluate((css) => document.querySelector(css).currentTime, hook('player-coachee'))];
	const near = frames.filter((frame) => Math.abs(frame.time - time) < 0.4).map(({ number }) => number);
	assert.ok(near.includes(shown.number), `frame ${shown.number} at ${time} s`);
	/* The page takes the sound out of the tracks as the capture wrote them: beeps on both sides of the line. */
	await until('the sound of both is on the timeline', () => page.locator('.wave canvas').evaluate((canvas) => {
		const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height), counts = [0, 0];
		for (let i = 0; i < data.length; i += 4)
			[[124, 211, 195], [242, 185, 122]].forEach((colour, person) => {
				if (data[i + 3] > 90 && colour.every((value, part) => Math.abs(data[i + part] - value) < 12)) counts[person]++;
			});
		return counts.every((count) => count > 100);
	}), 20000);
	assert.match(await page.innerText(hook('player-passage')), /\d:\d\d/);
	await page.context().close();
});

test('R12 the persons see who accessed it, and why', async () => {
	const answer = await fetch(`${instance.gateway}/v1/party/accesses`, { headers: { authorization: `Bearer ${session.parties.coachee.token}` } });
	const { accesses } = await answer.json();
	const one = accesses.find(({ reason }) => reason === 'Supervision of the week');
	assert.ok(one, JSON.stringify(accesses));
	assert.equal(one.purpose, 'supervision');
	assert.match(one.who, /supervisor/);
});

/* The wrapped shares in keys.db, read from a copy with its WAL: no reader holds on to the real one. */
function wrappedShares() {
	const copy = mkdtempSync(join(work, 'keys-'));
	for (const suffix of ['', '-wal'].filter((end) => existsSync(join(instance.home, `vault/keys.db${end}`))))
		copyFileSync(join(instance.home, `vault/keys.db${suffix}`), join(copy, `keys.db${suffix}`));
	const text = execFileSync('/usr/bin/python3', ['-c', 'import sqlite3,sys\n'
		+ 'for (w,) in sqlite3.connect(sys.argv[1]).execute("SELECT wrapped FROM share"): print(w.hex())', join(copy, 'keys.db')],
	{ encoding: 'utf8' });
	rmSync(copy, { recursive: true });
	const shares = text.split('\n').filter(Boolean).map((hex) => Buffer.from(hex, 'hex'));
	assert.ok(shares.length >= 3, 'two persons’ shares and the vault’s');
	return shares;
}

test('R19 erased: no file, no wrapped byte, and nothing opens it', async () => {
	const shares = wrappedShares();
	const found = (share) => instance.files().filter(({ bytes }) => bytes.includes(share)).map(({ path }) => path);
	for (const share of shares)
		assert.ok(found(share).length > 0, 'it is found before');
	const supervisor = await Staff.login(instance, instance.demo.supervisor);
	const access = (await supervisor.call('POST', `/v1/recordings/${recording.id}/accesses`,
		{ purpose: 'supervision', reason: 'once more' })).body;
	const certificate = await adminCall(instance, 'POST', '/v1/erasures', { recording: recording.id });
	assert.equal(certificate.status, 201, JSON.stringify(certificate.body));
	assert.equal(certificate.body.type, 11);
	assert.match(certificate.body.body, new RegExp(recording.id));
	assert.deepEqual(recordingsOnDisk(), []);
	for (const share of shares)
		assert.deepEqual(found(share), [], 'no wrapped byte is left, in the WAL neither');
	const play = await supervisor.call('GET', `/v1/recordings/${recording.id}/tracks/coach?access=${access.id}`);
	assert.deepEqual([play.status, errorName(play)], [410, 'erased']);
	const exported = await adminCall(instance, 'POST', `/v1/recordings/${recording.id}/export`, { reason: 'test' });
	assert.deepEqual([exported.status, errorName(exported)], [410, 'erased']);
	assert.equal((await seenByPlatform()).recordings[0].state, 'erased');
	story.certificate = certificate.body;
});

test('R2 R34 a refusal costs nothing and stays private', async () => {
	session = await instance.session();
	coach = await joinCall(browsers.coach, session.parties.coach.join_url);
	coachee = await joinCall(browsers.coachee, session.parties.coachee.join_url);
	await giveConsent(coach);
	await refuseConsent(coachee);
	await seesPeer(coach, 'coachee');
	await seesPeer(coachee, 'coach');
	await sleep(1500);
	assert.equal(await gateOf(coach), 'closed');
	assert.doesNotMatch(await coach.innerText(hook('gate-state')), /refus|declin/i);
	assert.doesNotMatch(JSON.stringify(await seenByPlatform()), /Refused/);
	assert.deepEqual(recordingsOnDisk(), []);
});

test('R7 a withdrawal stops at once and erases', async () => {
	await giveConsent(coachee);
	await waitGate(coach, 'open');
	await until('something is recorded', () => recordingsOnDisk().length === 1);
	await sleep(5000);
	await coachee.click(hook('withdraw'));
	await waitGate(coachee, 'closed', 3000);
	await waitGate(coach, 'closed', 3000);
	await until('it is erased', () => recordingsOnDisk().length === 0, 10000);
	await seesPeer(coach, 'coachee');
	const platform = await seenByPlatform();
	assert.deepEqual(platform.recordings.map(({ state }) => state), ['erased']);
	assert.equal((await instance.platform('DELETE', `/v1/sessions/${session.id}`)).status, 204);
});

test('no token, name, key or password came into the log', () => {
	const log = instance.log();
	for (const secret of [session.parties.coach.token, instance.demo.api_key, instance.demo.admin.password, 'Claire'])
		assert.ok(!log.includes(secret));
	assert.doesNotMatch(log, /process_ended/);
});
