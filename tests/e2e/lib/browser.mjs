/* Debian's Chromium with fake devices, driven through the real pages. */
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { deviceFiles, readBlocks } from './picture.mjs';

export const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);

const FLAGS = ['--no-sandbox', '--use-fake-device-for-media-stream=fps=30', '--use-fake-ui-for-media-stream',
	'--allow-loopback-in-peer-connection', '--disable-quic', '--no-first-run', '--disable-background-networking',
	'--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required',
	'--disable-renderer-backgrounding', '--disable-backgrounding-occluded-windows'];

/* A browser whose camera and microphone give that person's known picture and tone; role null: none. */
export async function openBrowser(role, extra = []) {
	const files = role ? await deviceFiles(role) : null;
	const devices = files ? [`--use-file-for-fake-video-capture=${files.video}`,
		`--use-file-for-fake-audio-capture=${files.audio}`] : [];
	return chromium.launch({ executablePath: CHROMIUM, headless: true, args: [...FLAGS, ...devices, ...extra] });
}

/* A page that keeps what a reader of a failed test wants: its console, errors and requests to elsewhere. */
export async function openPage(browser, url, options = {}) {
	const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
	const page = await context.newPage();
	page.told = [];
	page.foreign = [];
	page.on('console', (message) => page.told.push(`${message.type()}: ${message.text()} ${message.location().url}`));
	page.on('pageerror', (error) => page.told.push(`error: ${error.message}`));
	page.on('request', (request) => {
		const host = new URL(request.url()).hostname;
		if (host !== '127.0.0.1' && !/^(data|blob):/.test(request.url()))
			page.foreign.push(request.url());
	});
	await page.goto(url);
	return page;
}

/* What the video matched by the selector shows: { role, number } or null. */
export async function readVideo(page, selector) {
	return page.evaluate(([css, source]) => {
		const read = new Function(`return (${source})`)();
		const video = document.querySelector(css);
		if (!video || !video.videoWidth)
			return null;
		const canvas = new OffscreenCanvas(640, 480);
		const context = canvas.getContext('2d', { willReadFrequently: true });
		context.drawImage(video, 0, 0, 640, 480);
		const data = context.getImageData(0, 0, 640, 480).data;
		return read((x, y) => data[(y * 640 + x) * 4 + 1]);
	}, [selector, readBlocks.toString()]);
}

/* Strength of a tone in what the video plays, against its neighbours: a few hundred when it is there. */
export async function readTone(page, selector, frequency) {
	return page.evaluate(async ([css, hz]) => {
		const stream = document.querySelector(css)?.srcObject;
		if (!stream?.getAudioTracks().length)
			return 0;
		const context = new AudioContext();
		await context.resume();
		const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
		context.createMediaStreamSource(stream).connect(analyser);
		await new Promise((done) => setTimeout(done, 600));
		const bins = new Float32Array(analyser.frequencyBinCount);
		analyser.getFloatFrequencyData(bins);
		await context.close();
		const at = Math.round(hz / (48000 / 8192));
		const near = Math.max(...bins.slice(at - 2, at + 3));
		const floor = bins.slice(at + 40, at + 140).reduce((a, b) => a + b, 0) / 100;
		return near - floor;
	}, [selector, frequency]);
}

/* From now on the page notes when its own camera's picture showed which frame: [[wall time in ms, number], …]. */
export async function noteOwnFrames(page, selector) {
	await page.evaluate(([css, source]) => {
		const read = new Function(`return (${source})`)();
		const context = new OffscreenCanvas(640, 480).getContext('2d', { willReadFrequently: true });
		window.ownFrames = [];
		const note = () => {
			const video = document.querySelector(css);
			if (!video)
				return; /* the call is over */
			const now = Date.now();
			context.drawImage(video, 0, 200, 640, 80, 0, 0, 640, 80);
			const data = context.getImageData(0, 0, 640, 80).data;
			const seen = read((x, y) => data[((y - 200) * 640 + x) * 4 + 1]);
			if (seen)
				window.ownFrames.push([now, seen.number]);
			video.requestVideoFrameCallback(note);
		};
		document.querySelector(css).requestVideoFrameCallback(note);
	}, [selector, readBlocks.toString()]);
}

export const ownFrames = (page) => page.evaluate(() => window.ownFrames);
