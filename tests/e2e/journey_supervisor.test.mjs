/*
 * A supervisor's way through the pages, in both languages, against a stand-in for the vault's listener: sign-in, code of
 * conduct, a library of ten thousand, a reason, the player with its timeline and notes; and what goes wrong on the way.
 * By mouse and by keyboard alone. Pictures of each view are kept (lib/journey.mjs).
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { passageAt, passages, timeOfDay } from '../../web/player/epochs.js';
import { correctedRate } from '../../web/player/pair.js';
import { Peaks } from '../../web/player/sound.js';
import { SoundReader, findCluster } from '../../web/player/webm.js';
import { axe, bestVisit, everyLook, inLanguage, shot } from './lib/journey.mjs';
import { launch, openPage } from './pages/browser.mjs';
import { makeTracks } from './pages/media.mjs';
import { Mock } from './pages/mock.mjs';
import { makeRecording, manyRecordings } from './pages/mock_library.mjs';
import { newStaff } from './pages/mock_staff.mjs';

let mock, browser, tracks;

before(async () => {
	mock = await new Mock().start();
	browser = await launch();
	tracks = makeTracks();
});
after(async () => {
	await browser?.close();
	await mock?.stop();
});
beforeEach(() => {
	mock.reset();
	mock.staff = newStaff();
	mock.staff.recordings = [makeRecording(1), makeRecording(2, { state: 'erased' })];
	mock.tracks = tracks;
});

async function until(condition, what) {
	for (let i = 0; i < 200; i++) {
		if (await condition()) return;
		await new Promise((done) => setTimeout(done, 50));
	}
	assert.fail(`never: ${what}`);
}

async function fillLogin({ at }) {
	await at('login-password').fill('secret');
	await at('login-totp').fill('123456');
	await at('login-submit').click();
}

async function signIn(options) {
	const one = await openPage(browser, mock.origin, options);
	await one.page.goto(`${mock.origin}/`);
	await one.at('login-user').fill('claire');
	await fillLogin(one);
	await one.at('logout').waitFor({ state: 'attached' });
	return one;
}

async function begin(one) {
	await one.at('recording-open').first().click();
	await one.at('access-purpose').selectOption('supervision');
	await one.at('access-reason').fill('Supervision mensuelle');
	await one.at('access-begin').click();
	await one.at('player-play').waitFor();
	await until(() => one.at('player-timeline').evaluate((line) => Number(line.max) > 11), 'length known');
}

const timeOf = (one, role = 'coach') => one.at(`player-${role}`).evaluate((video) => video.currentTime);

/* How many dots of the timeline's drawing have this colour, for each sixth of its time. */
function drawnBars(page, colour) {
	return page.locator('.wave canvas').evaluate((canvas, [r, g, b]) => {
		const { width, height } = canvas, { data } = canvas.getContext('2d').getImageData(0, 0, width, height), sixths = [0, 0, 0, 0, 0, 0];
		for (let i = 0; i < width * height; i++)
			if (data[4 * i + 3] > 90 && Math.abs(data[4 * i] - r) + Math.abs(data[4 * i + 1] - g) + Math.abs(data[4 * i + 2] - b) < 30) sixths[Math.floor(((i % width) / width) * 6)]++;
		return sixths;
	}, colour);
}

const COACH = [124, 211, 195], COACHEE = [242, 185, 122];

test('sign-in: its cost, its look, what is wrong in words; in by keyboard alone; a reload stays in; out', async () => {
	const cost = await bestVisit(browser, `${mock.origin}/`, '[data-testid=login-user]', 1000);
	assert.ok(cost.interactive < 1000, `usable after ${cost.interactive} ms`);
	const one = await openPage(browser, mock.origin);
	const { page, at, complaints, context } = one;
	await page.goto(`${mock.origin}/`);
	await at('login-user').waitFor();
	assert.equal(await page.evaluate(() => document.activeElement.id), 'login-user');
	await page.keyboard.type('claire');
	await page.keyboard.press('Tab');
	await page.keyboard.type('wrong');
	await page.keyboard.press('Tab'); // the eye
	await page.keyboard.press('Tab');
	await page.keyboard.type('123456');
	await page.keyboard.press('Enter');
	await at('login-problem').waitFor();
	assert.equal(await at('login-problem').getAttribute('data-error'), 'credentials');
	await at('login-recovery').locator('summary').click();
	assert.deepEqual(await everyLook(page, 'supervisor-sign-in'), []);
	await fillLogin(one);
	await at('recording-row').first().waitFor();
	await page.reload();
	await at('recording-row').first().waitFor();
	await at('logout').click();
	await at('login-user').waitFor();
	assert.deepEqual(complaints, []);
	await context.close();
});

test('R13 the code of conduct comes first, with its quiz; then the recordings', async () => {
	Object.assign(mock.staff.conduct, { version: 2, pass_percent: 100, questions: [{ text: 'Une collègue ?', choices: ['Oui', 'Non'] }] });
	const { page, at, complaints, context } = await signIn();
	await at('conduct-acknowledge').waitFor();
	await page.goto(`${mock.origin}/#/recordings`);
	await at('conduct-acknowledge').waitFor();
	assert.deepEqual(await everyLook(page, 'supervisor-conduct', { looks: [] }), []);
	await at('conduct-question').locator('input').nth(0).check();
	await at('conduct-read').check();
	await at('conduct-acknowledge').click();
	await at('conduct-problem').waitFor();
	assert.equal(await at('conduct-problem').getAttribute('data-error'), 'quiz');
	await at('conduct-question').locator('input').nth(1).check();
	await at('conduct-acknowledge').click();
	await at('conduct-done').waitFor();
	await page.goto(`${mock.origin}/#/recordings`);
	await at('recording-row').first().waitFor();
	assert.deepEqual(complaints, []);
	await context.close();
});

test('ten thousand recordings: the first row at once, few in the page, searched by the vault, none and lost designed', async () => {
	mock.staff.recordings = manyRecordings(10_000);
	const one = await signIn(), { page, at, complaints, context } = one;
	await at('recording-row').first().waitFor();
	const first = await page.evaluate(async () => {
		const from = performance.now();
		location.hash = '#/conduct';
		await new Promise((done) => setTimeout(done, 100));
		const begun = performance.now();
		location.hash = '#/recordings';
		while (!document.querySelector('[data-testid=recording-row] strong')) await new Promise(requestAnimationFrame);
		return [performance.now() - begun, from];
	});
	console.log(`ten thousand recordings: first row after ${first[0].toFixed(0)} ms`);
	assert.ok(first[0] < 1000, `first row after ${first[0]} ms`);
	assert.match(await at('library-count').innerText(), /10\s000/);
	assert.ok((await page.locator('.lib-row').count()) < 60);
	assert.deepEqual(await everyLook(page, 'supervisor-library'), []);
	await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight));
	await page.locator('[data-testid=recording-row][aria-posinset="10000"]').waitFor();
	assert.ok((await page.locator('.lib-row').count()) < 60);
	assert.ok(mock.staff.asked.length < 40, `${mock.staff.asked.length} calls to reach the end`);
	await page.evaluate(() => window.scrollTo(0, 0));
	await at('recording-search').fill('Séance 9999');
	await until(async () => (await at('recording-row').count()) === 1, 'found');
	await at('recording-search').fill('');
	await at('recording-filter').selectOption('archived');
	await until(async () => (await at('recording-row').first().getAttribute('data-state')) === 'archived', 'only that state');
	await at('library-soon').click();
	await until(() => mock.staff.asked.at(-1).includes('expires_before='), 'those that end soon');
	await at('recording-search').fill('personne');
	await at('library-empty').waitFor();
	assert.deepEqual(await everyLook(page, 'supervisor-library-none', { looks: [], languages: ['fr'] }), []);
	await at('library-clear').click();
	await at('recording-row').first().waitFor();
	mock.staff.lost = true;
	await at('recording-search').fill('Séance');
	await at('view-problem').waitFor();
	assert.deepEqual(await everyLook(page, 'supervisor-vault-lost', { looks: [], languages: ['fr'] }), []);
	mock.staff.lost = false;
	await at('view-again').click();
	await at('recording-row').first().waitFor();
	assert.deepEqual(complaints, []);
	await context.close();
});

test('the player: reason before the first byte, both in sync, sound and passages on one line, notes as flags, name over the picture', async () => {
	const one = await signIn(), { page, at, complaints, context } = one;
	await at('recording-open').click();
	await at('access-begin').click();
	assert.equal(mock.staff.accesses.length, 0);
	assert.deepEqual(await everyLook(page, 'supervisor-reason', { looks: [] }), []);
	await page.keyboard.press('Escape');
	await begin(one);
	assert.equal(mock.staff.accesses[0].reason, 'Supervision mensuelle');
	assert.match(await at('viewing-why').innerText(), /Supervision mensuelle/);
	for (const mark of await at('watermark').allInnerTexts()) assert.match(mark, /^claire\s/);
	assert.notEqual(await at('watermark').first().getAttribute('data-place'), await at('watermark').last().getAttribute('data-place'));
	assert.equal(await page.locator('a[download], video[controls]').count(), 0);

	await at('player-play').click();
	await until(async () => (await timeOf(one)) > 1.5, 'plays');
	const drifts = [];
	for (let i = 0; i < 10; i++) {
		drifts.push(await page.evaluate(() => {
			const [a, b] = document.querySelectorAll('.pair video');
			return Math.abs(a.currentTime - b.currentTime);
		}));
		await new Promise((done) => setTimeout(done, 60));
	}
	drifts.sort((a, b) => a - b);
	assert.ok(drifts[3] < 0.06, `drift ${drifts}`);
	await at('player-play').click();

	/* Each of the two speaks in turns of two seconds: sixths of twelve seconds. */
	await until(async () => (await drawnBars(page, COACHEE))[5] > 50, 'the sound of both is drawn to its end');
	const [coach, coachee] = [await drawnBars(page, COACH), await drawnBars(page, COACHEE)];
	for (let sixth = 0; sixth < 6; sixth++) {
		const [louder, quieter] = sixth % 2 ? [coachee, coach] : [coach, coachee];
		assert.ok(louder[sixth] > 3 * quieter[sixth], `sixth ${sixth}: coach ${coach}, coachee ${coachee}`);
	}
	assert.equal(await at('passage-go').count(), 2);
	assert.match(await at('passage-gap').innerText(), /3:00/);
	await at('passage-go').nth(1).click();
	await until(async () => Math.abs((await timeOf(one)) - 5) < 0.05, 'at the second passage');
	assert.match(await at('player-passage').innerText(), /2.*2/);

	await at('note-text').fill('Une pause avant le mot père');
	await at('note-add').click();
	await at('player-note').waitFor();
	assert.ok(Math.abs(mock.staff.notes[0].at_ms - 5000) < 200, `${mock.staff.notes[0].at_ms}`);
	await page.locator('.pair').focus();
	await page.keyboard.press('Home');
	await at('player-note').click();
	await until(async () => Math.abs((await timeOf(one)) - 5) < 0.3, 'gone to by its flag');
	assert.equal(await page.locator('.note.chosen').count(), 1);
	assert.deepEqual(await everyLook(page, 'supervisor-player'), []);
	await at('note-drop').click();
	await until(() => mock.staff.notes.length === 0, 'deleted');
	await until(async () => (await at('player-note').count()) === 0, 'its flag is gone');
	assert.deepEqual(complaints, []);
	await context.close();
});

/* Nothing but keys from the library into the player and through all that it does. */
test('by keyboard alone: search, open, reason, play, leaps, passages, speed, sound, note, help', async () => {
	const one = await signIn(), { page, at, complaints, context } = one, key = (name) => page.keyboard.press(name);
	await at('recording-row').first().waitFor();
	const focused = () => page.evaluate(() => document.activeElement.dataset.testid);
	for (let i = 0; i < 30 && (await focused()) !== 'recording-search'; i++) await key('Tab');
	await page.keyboard.type('Séance 1');
	await until(async () => (await at('recording-row').count()) === 1, 'found');
	for (let i = 0; i < 20 && (await focused()) !== 'recording-open'; i++) await key('Tab');
	assert.equal(await focused(), 'recording-open');
	await key('Enter');
	for (let i = 0; i < 5 && (await focused()) !== 'access-reason'; i++) await key('Tab');
	await page.keyboard.type('Supervision mensuelle');
	for (let i = 0; i < 5 && (await focused()) !== 'access-begin'; i++) await key('Tab');
	await key('Enter');
	await until(() => page.evaluate(() => document.activeElement.classList.contains('pair')), 'the player has the keys');
	const reaches = (seconds, what) => until(async () => Math.abs((await timeOf(one)) - seconds) < 0.1, what);
	await key('5');
	await reaches(6, 'the middle');
	await key('ArrowLeft');
	await reaches(1, 'five seconds back');
	await key(']');
	await reaches(5, 'the next passage');
	await key('[');
	await reaches(0, 'the first one');
	await key('l');
	await reaches(10, 'ten seconds on');
	await key('Home');
	await reaches(0, 'the beginning');
	await key('>');
	assert.equal(await at('player-speed').inputValue(), '1.25');
	assert.match(await at('player-status').innerText(), /1,25/);
	await key('m');
	assert.deepEqual(await page.locator('.pair video').evaluateAll((all) => all.map(({ muted }) => muted)), [true, true]);
	await key('k');
	await until(async () => (await timeOf(one)) > 0.5, 'plays');
	await key(' ');
	await until(() => at('player-coach').evaluate((video) => video.paused), 'paused');
	await key('n');
	await page.keyboard.type('Ici');
	await key('Control+Enter');
	await at('note').waitFor();
	await key('Escape');
	await key('?');
	await at('keys').waitFor();
	assert.deepEqual(await axe(page), []);
	await shot(page, 'supervisor-keys');
	await key('Escape');
	await until(async () => (await at('keys').count()) === 0, 'closed');
	await inLanguage(page, 'en');
	assert.equal(await at('player-play').getAttribute('aria-label'), 'Play');
	assert.deepEqual(complaints, []);
	await context.close();
});

test('what goes wrong while one watches: erased, no answer, a login that ends under a half-written note', async () => {
	mock.staff.trackError = 'erased';
	const one = await signIn(), { page, at, context } = one;
	await at('recording-open').first().click();
	await at('access-reason').fill('Supervision mensuelle');
	await at('access-begin').click();
	await at('player-problem').waitFor();
	assert.equal(await at('player-problem').getAttribute('data-error'), 'erased');
	mock.staff.trackError = null;
	mock.staff.lost = true;
	await page.reload();
	await at('view-problem').waitFor();
	mock.staff.lost = false;
	await page.reload();
	await until(() => at('player-timeline').evaluate((line) => Number(line.max) > 11), 'goes on with the same reason');
	assert.equal(mock.staff.accesses.length, 1);
	await at('note-text').fill('Ne pas perdre cela');
	mock.staff.ended = true;
	await at('note-add').click();
	await at('login-again').waitFor();
	assert.deepEqual(await axe(page), []);
	await shot(page, 'supervisor-signed-out');
	await fillLogin(one);
	await at('note').waitFor();
	assert.equal(mock.staff.notes[0].text, 'Ne pas perdre cela');
	await page.goto(`${mock.origin}/#/view/unknown`);
	await at('view-problem').waitFor();
	assert.equal(await at('view-problem').getAttribute('data-error'), 'access-reason-required');
	await context.close();
});

test('R14 an access that needs a second person’s word waits, and the library says so', async () => {
	mock.staff.needsWord = true;
	const { at, context } = await signIn();
	await at('recording-open').first().click();
	await at('access-reason').fill('Supervision mensuelle');
	await at('access-begin').click();
	await at('approval-row').waitFor();
	await at('nav-recordings').click();
	await at('recording-waiting').waitFor();
	await at('library-waiting').click();
	await until(async () => (await at('recording-row').count()) === 1, 'only what waits');
	await context.close();
});

test('R11 an authenticator of one’s own: its code as a picture and in letters, confirmed by a code of it', async () => {
	const { page, at, complaints, context } = await signIn();
	await at('nav-account').click();
	await at('enrol-password').fill('secret');
	await at('enrol-totp').fill('123456');
	await at('enrol-begin').click();
	await at('enrol-qr').waitFor();
	assert.equal((await at('enrol-secret').innerText()).replace(/ /g, ''), 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP');
	const [margin, dark, light] = await at('enrol-qr').evaluate((canvas) => [[3, 3], [27, 27], [33, 27]].map(([x, y]) => canvas.getContext('2d').getImageData(x, y, 1, 1).data[0]));
	assert.deepEqual([margin, dark, light], [255, 0, 255]);
	assert.deepEqual(await everyLook(page, 'supervisor-authenticator', { looks: ['dark'], languages: ['fr'] }), []);
	await at('enrol-code').fill('000000');
	await at('enrol-confirm').click();
	await at('enrol-problem').waitFor();
	assert.equal(await at('enrol-problem').getAttribute('data-error'), 'new-code');
	await at('enrol-code').fill('654321');
	await at('enrol-confirm').click();
	await at('enrol-done').waitFor();
	assert.deepEqual([mock.staff.enrolled, complaints], [true, []]);
	await context.close();
});

test('the follower’s speed: left alone, bent, or sent to the place', () => {
	assert.equal(correctedRate(1, 0.01), 1);
	assert.ok(correctedRate(1, 0.05) < 1);
	assert.ok(correctedRate(1, -0.05) > 1);
	assert.ok(correctedRate(2, 0.3) >= 2 * 0.88);
	assert.equal(correctedRate(1, 0.5), null);
});

test('passages: on the file’s time, with the day’s; those without lengths are left out', () => {
	const all = passages(makeRecording(1), 12);
	assert.deepEqual(all.map(({ from, to, gap }) => [from, to, gap]), [[0, 5, 0], [5, 12, 180]]);
	assert.deepEqual([passageAt(all, 0), passageAt(all, 4.99), passageAt(all, 5), passageAt(all, 12)], [0, 0, 1, 1]);
	assert.equal(timeOfDay(all, 6) - timeOfDay(all, 4), 182_000);
	assert.deepEqual(passages({ epochs: [{ number: 1 }] }, 12), []);
	assert.deepEqual(passages({}, 12), []);
	assert.deepEqual(passages({ epochs: [{ number: 1, opened: '2026-01-01T10:00:00Z', closed: '2026-01-01T10:00:04Z' }] }, 12).map(({ to }) => to), [4]);
});

/* The same frames whatever the pieces that the bytes come in, and from the middle of the file as well. */
test('the sound in a file: every frame, from pieces of any size, also after a leap', () => {
	const file = new Uint8Array(tracks.coach), whole = new SoundReader().push(file);
	assert.ok(Math.abs(whole.length - 600) < 5, `${whole.length} frames of 20 ms in 12 s`);
	assert.ok(whole.every(({ time, data }, i) => data.length > 0 && (i === 0 || time > whole[i - 1].time)));
	for (const size of [61, 4096]) {
		const reader = new SoundReader(), frames = [];
		for (let at = 0; at < file.length; at += size) frames.push(...reader.push(file.subarray(at, at + size)));
		assert.deepEqual(frames.map(({ time }) => time), whole.map(({ time }) => time), `pieces of ${size}`);
	}
	const first = new SoundReader();
	first.push(file);
	const half = file.subarray(file.length >> 1), leapt = new SoundReader(first.track).push(half.subarray(findCluster(half)));
	assert.ok(leapt.length > 50);
	const known = new Map(whole.map(({ time, data }) => [time, data]));
	for (const { time, data } of leapt) assert.equal(Buffer.compare(data, known.get(time)), 0, `frame at ${time}`);
	assert.equal(findCluster(new Uint8Array(100)), -1);
	assert.deepEqual(new SoundReader().push(new Uint8Array(5000).fill(0xff)), []);
});

test('peaks: what was not read, what is silent, what is not there', () => {
	const peaks = new Peaks(100);
	assert.equal(peaks.unknown(0), 0);
	peaks.add(0, new Float32Array(48000 * 10).fill(0.5), 48000);
	peaks.read(0, 10);
	assert.ok(Math.abs(peaks.unknown(0) - 10) < 0.1);
	peaks.read(10, 30);
	assert.deepEqual(peaks.holes().map(({ from, to }) => [Math.round(from), Math.round(to)]), [[10, 30]]);
	const bars = peaks.bars(10);
	assert.deepEqual([bars[0], bars[2], bars[9]], [0.5, -2, -1]);
});
