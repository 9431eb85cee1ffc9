/*
 * Picture and sound of one person, and the two persons, stay within 80 ms of each other in the recording. Each page
 * makes its camera and microphone itself: a canvas that shows the machine's wall clock as bits, and a beep at each
 * full second of the same clock. What the file says is compared with what the frames and beeps say.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { Instance, sleep } from './lib/instance.mjs';
import { openBrowser } from './lib/browser.mjs';
import { enterCall, giveConsent, waitGate } from './lib/pages.mjs';
import { readPictures, exportWithAge, readSound, toneAt } from './lib/recording.mjs';

const work = mkdtempSync(join(tmpdir(), 'aparte-sync-'));
let instance, browsers;
before(async () => {
	instance = await Instance.start();
	browsers = [await openBrowser(null), await openBrowser(null)];
});
after(async () => {
	await Promise.all(browsers?.map((browser) => browser.close()) ?? []);
	await instance?.stop();
	rmSync(work, { recursive: true, force: true });
});

/* In the page, before its own scripts: the devices are ours. 20 bits of wall clock in ms, 32 px each. */
function clockDevices() {
	navigator.mediaDevices.getUserMedia = async (wanted) => {
		const tracks = [];
		if (wanted.video) {
			const canvas = document.createElement('canvas');
			canvas.width = 640;
			canvas.height = 480;
			const context = canvas.getContext('2d');
			const draw = () => {
				const now = Date.now() % 1048576;
				context.fillStyle = '#777';
				context.fillRect(0, 0, 640, 480);
				for (let bit = 0; bit < 20; bit++) {
					context.fillStyle = (now >> (19 - bit)) & 1 ? '#fff' : '#000';
					context.fillRect(bit * 32, 160, 32, 160);
				}
			};
			draw();
			setInterval(draw, 33);
			tracks.push(...canvas.captureStream(30).getVideoTracks());
		}
		if (wanted.audio) {
			const context = new AudioContext({ sampleRate: 48000, latencyHint: 'interactive' });
			await context.resume();
			const out = context.createMediaStreamDestination();
			const gain = new GainNode(context, { gain: 0 });
			const tone = new OscillatorNode(context, { frequency: 1000 });
			tone.connect(gain).connect(out);
			tone.start();
			let next = 0;
			setInterval(() => {
				const second = Math.ceil((Date.now() + 50) / 1000) * 1000;
				if (second === next) return;
				next = second;
				const at = context.currentTime + (second - Date.now()) / 1000;
				gain.gain.setValueAtTime(0.5, at);
				gain.gain.setValueAtTime(0, at + 0.2);
			}, 100);
			tracks.push(...out.stream.getAudioTracks());
			window.keepContext = context;
		}
		return new MediaStream(tracks);
	};
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

/* File time minus wall time (mod 2^20 ms) of frames, ms. */
async function pictureOffsets(file) {
	const frames = await readPictures(file, (luma) => {
		let value = 0;
		for (let bit = 0; bit < 20; bit++)
			value = (value << 1) | (luma(bit * 32 + 16, 240) > 128 ? 1 : 0);
		return value;
	});
	return frames.slice(30).map(({ time, seen }) => ({ time, wall: seen, offset: seen - time * 1000 }));
}

/* File times of the beeps' beginnings, ms. */
async function beeps(file) {
	const sound = await readSound(file);
	const window = 80; /* 5 ms */
	const found = [];
	let quiet = 0;
	for (let at = 0; at + window < sound.length; at += window) {
		if (toneAt(sound, 1000, at, at + window) > 0.1) {
			if (quiet > 40)
				found.push((at / 16000) * 1000);
			quiet = 0;
		} else
			quiet++;
	}
	return found;
}

test('A/V and cross-person offset are within 80 ms', async () => {
	const session = await instance.session();
	const pages = [];
	for (const [i, role] of ['coach', 'coachee'].entries()) {
		const context = await browsers[i].newContext();
		await context.addInitScript(clockDevices);
		const page = await context.newPage();
		page.told = [];
		page.on('console', (message) => page.told.push(message.text()));
		await page.goto(session.parties[role].join_url);
		await enterCall(page);
		pages.push(page);
	}
	for (const page of pages)
		await giveConsent(page);
	await waitGate(pages[0], 'open');
	await sleep(15000);
	const [recording] = (await instance.platform('GET', `/v1/sessions/${session.id}`)).body.recordings;
	await instance.platform('DELETE', `/v1/sessions/${session.id}`);
	const tracks = await exportWithAge(instance, recording.id, work);
	const picture = {}, av = {};
	for (const role of ['coach', 'coachee']) {
		const frames = await pictureOffsets(tracks[role]);
		picture[role] = median(frames.map(({ offset }) => offset));
		const starts = (await beeps(tracks[role])).slice(1);
		assert.ok(starts.length >= 8, `${role}: ${starts.length} beeps`);
		/* A beep begins at a full second of wall time; the picture says which wall time the file shows then. */
		const offsets = starts.map((time) => {
			const wall = time + picture[role];
			return ((wall % 1000) + 1500) % 1000 - 500;
		});
		av[role] = median(offsets);
	}
	const across = picture.coach - picture.coachee;
	console.log(`A/V offset: coach ${av.coach.toFixed(1)} ms, coachee ${av.coachee.toFixed(1)} ms; cross-person ${across.toFixed(1)} ms`);
	assert.ok(Math.abs(av.coach) <= 80 && Math.abs(av.coachee) <= 80, 'A/V');
	assert.ok(Math.abs(across) <= 80, 'cross-person');
});
