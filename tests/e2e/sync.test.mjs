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
			const context = canvas.getContext('2d', { willReadFrequently: true });
			const draw = () => {
				const now = Date.now() % 1000000; /* keeps the place within the second */
				context.fillStyle = '#777';
				context.fillRect(0, 0, 640, 480);
				for (let bit = 0; bit < 20; bit++) {
					context.fillStyle = (now >> (19 - bit)) & 1 ? '#fff' : '#000';
					context.fillRect(bit * 32, 160, 32, 160);
				}
			};
			draw();
			setInterval(draw, 33);
			const [track] = canvas.captureStream(30).getVideoTracks();
			tracks.push(track);
			/* When pictures really leave this page, against the time they show: drawing and capturing take their time. */
			window.pictureLate = [];
			const reader = new MediaStreamTrackProcessor({ track: track.clone() }).readable.getReader();
			const seen = new OffscreenCanvas(640, 480).getContext('2d', { willReadFrequently: true });
			const look = ({ value, done }) => {
				if (done) return;
				const now = Date.now();
				seen.drawImage(value, 0, 0);
				value.close();
				const row = seen.getImageData(0, 240, 640, 1).data;
				let shown = 0;
				for (let bit = 0; bit < 20; bit++) shown = (shown << 1) | (row[(bit * 32 + 16) * 4] > 128 ? 1 : 0);
				window.pictureLate.push((now - shown) % 1000000);
				setTimeout(() => reader.read().then(look), 200);
			};
			reader.read().then(look);
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
			/* When the beeps really leave this page, against the full second: WebAudio has buffers of its own. */
			window.soundLate = [];
			const reader = new MediaStreamTrackProcessor({ track: out.stream.getAudioTracks()[0].clone() }).readable.getReader();
			let quiet = 0;
			const listen = ({ value, done }) => {
				if (done) return;
				const samples = new Float32Array(value.numberOfFrames);
				value.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
				const from = samples.findIndex((sample) => Math.abs(sample) > 0.1);
				if (from >= 0 && quiet > 10) {
					const wall = Date.now() - (1000 * (samples.length - from)) / value.sampleRate;
					window.soundLate.push(((wall % 1000) + 1500) % 1000 - 500);
				}
				quiet = from < 0 ? quiet + 1 : 0;
				value.close();
				reader.read().then(listen);
			};
			reader.read().then(listen);
			/* How far the sound of this page fell behind its clock: a starved machine, not Aparté. */
			const ahead = () => context.currentTime * 1000 - performance.now();
			let least = Infinity, most = -Infinity;
			setTimeout(() => setInterval(() => {
				least = Math.min(least, ahead());
				most = Math.max(most, ahead());
			}, 50), 3000);
			window.soundFellBehind = () => most - least;
		}
		return new MediaStream(tracks);
	};
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

/* Wall time (mod 1000 s) minus file time of frames, ms. */
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

/* One recording: offsets in ms, and how far the pages' own sound fell behind meanwhile. */
async function measure(attempt) {
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
	const late = await Promise.all(pages.map((page) => page.evaluate(() => ({ sound: window.soundLate, picture: window.pictureLate }))));
	for (const { sound, picture } of late)
		console.log(`beeps left the page ${median(sound).toFixed(0)} ms late, pictures ${median(picture).toFixed(0)} ms`);
	const starved = Math.max(...await Promise.all(pages.map((page) => page.evaluate(() => window.soundFellBehind()))));
	const [recording] = (await instance.platform('GET', `/v1/sessions/${session.id}`)).body.recordings;
	await instance.platform('DELETE', `/v1/sessions/${session.id}`);
	await Promise.all(pages.map((page) => page.context().close()));
	const tracks = await exportWithAge(instance, recording.id, join(work, String(attempt)));
	const picture = {}, av = {};
	for (const role of ['coach', 'coachee']) {
		const frames = await pictureOffsets(tracks[role]);
		picture[role] = median(frames.map(({ offset }) => offset));
		const starts = (await beeps(tracks[role])).slice(1);
		assert.ok(starts.length >= 8, `${role}: ${starts.length} beeps`);
		/* A beep begins at a full second of wall time; the picture says which wall time the file shows then. */
		av[role] = median(starts.map((time) => ((time + picture[role]) % 1000 + 1500) % 1000 - 500));
	}
	return { av, across: picture.coach - picture.coachee, starved };
}

test('A/V and cross-person offset are within 80 ms', async () => {
	for (let attempt = 1; ; attempt++) {
		const { av, across, starved } = await measure(attempt);
		console.log(`A/V offset: coach ${av.coach.toFixed(1)} ms, coachee ${av.coachee.toFixed(1)} ms; `
			+ `cross-person ${across.toFixed(1)} ms; the pages' sound fell behind by ${starved.toFixed(1)} ms`);
		if (starved > 40 && attempt < 3)
			continue;
		assert.ok(Math.abs(av.coach) <= 80 && Math.abs(av.coachee) <= 80, 'A/V');
		assert.ok(Math.abs(across) <= 80, 'cross-person');
		return;
	}
});
