/*
 * One Chromium for all page tests, each test in a context of its own; whatever the pages complain about (console
 * errors, CSP violations, failed scripts, requests to elsewhere) fails the test that asks.
 */
import { chromium } from 'playwright-core';

import { drawPortrait, lookOf, usePortrait } from '../lib/portrait.mjs';

export { axe, everyLook, inLanguage, shot } from '../lib/journey.mjs';

export function launch() {
	return chromium.launch({
		executablePath: '/usr/bin/chromium',
		args: ['--no-sandbox', '--use-fake-device-for-media-stream=fps=30', '--use-fake-ui-for-media-stream',
			'--allow-loopback-in-peer-connection', '--disable-features=WebRtcHideLocalIpsWithMdns', '--disable-quic', '--no-first-run',
			'--disable-background-networking', '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required'],
	});
}

/* A page of its own context, its camera as in lib/portrait.mjs when a role is given; `complaints` grows with everything that is wrong. */
export async function openPage(browser, origin, { portrait, ...options } = {}) {
	const context = await browser.newContext({ permissions: ['camera', 'microphone'], locale: 'fr-FR', reducedMotion: 'reduce',
		viewport: { width: 1280, height: 800 }, ...options });
	const page = await context.newPage();
	if (portrait) await usePortrait(page, portrait);
	const complaints = [];
	page.on('console', (message) => {
		// A refused call is logged by the browser itself; the page's own answer to it is what tests look at.
		if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) complaints.push(message.text());
	});
	page.on('pageerror', (failure) => complaints.push(String(failure)));
	page.on('request', (request) => {
		if (!request.url().startsWith(origin) && !/^(blob|data):/.test(request.url())) complaints.push(`elsewhere: ${request.url()}`);
	});
	return { page, context, complaints, at: (id) => page.getByTestId(id) };
}

/*
 * The other end of a call: a blank page that answers offers with a moving picture and a tone of its own, no echo.
 */
export async function makeAnswerer(browser) {
	const context = await browser.newContext();
	const page = await context.newPage();
	await page.evaluate(({ source, look }) => {
		const picture = new Function(`return (${source})`)()(look);
		window.answer = async (sdp) => {
			window.last?.close(); /* of the test before, or of the page before a reload */
			const pc = (window.last = new RTCPeerConnection());
			await pc.setRemoteDescription({ type: 'offer', sdp });
			const [audio, camera, screen] = pc.getTransceivers();
			const tone = new AudioContext();
			const out = tone.createMediaStreamDestination();
			const oscillator = tone.createOscillator();
			oscillator.connect(out);
			oscillator.start();
			await audio.sender.replaceTrack(out.stream.getAudioTracks()[0]);
			await camera.sender.replaceTrack(picture);
			for (const one of [audio, camera, screen]) one.direction = 'sendrecv';
			await pc.setLocalDescription(await pc.createAnswer());
			await new Promise((done) => {
				if (pc.iceGatheringState === 'complete') return done();
				pc.addEventListener('icegatheringstatechange', () => pc.iceGatheringState === 'complete' && done());
				setTimeout(done, 1500);
			});
			return pc.localDescription.sdp;
		};
	}, { source: drawPortrait.toString(), look: lookOf('coach') });
	return { answer: (sdp) => page.evaluate((text) => window.answer(text), sdp), page, close: () => context.close() };
}
