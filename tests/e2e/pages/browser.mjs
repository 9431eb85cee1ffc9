/*
 * One Chromium for all page tests, each test in a context of its own; whatever the pages complain about (console
 * errors, CSP violations, failed scripts, requests to elsewhere) fails the test that asks.
 */
import { chromium } from 'playwright-core';

export { axe, shot } from '../lib/journey.mjs';

export function launch() {
	return chromium.launch({
		executablePath: '/usr/bin/chromium',
		args: ['--no-sandbox', '--use-fake-device-for-media-stream=fps=30', '--use-fake-ui-for-media-stream',
			'--allow-loopback-in-peer-connection', '--disable-features=WebRtcHideLocalIpsWithMdns', '--disable-quic', '--no-first-run',
			'--disable-background-networking', '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required'],
	});
}

/* A page of its own context; `complaints` grows with everything that is wrong. */
export async function openPage(browser, origin, options = {}) {
	const context = await browser.newContext({ permissions: ['camera', 'microphone'], locale: 'fr-FR', reducedMotion: 'reduce',
		viewport: { width: 1280, height: 800 }, ...options });
	const page = await context.newPage();
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
	await page.evaluate(() => {
		const canvas = document.createElement('canvas');
		Object.assign(canvas, { width: 640, height: 360 });
		const pen = canvas.getContext('2d');
		let n = 0;
		setInterval(() => {
			const warm = pen.createLinearGradient(0, 0, 640, 360);
			warm.addColorStop(0, '#6d8f86');
			warm.addColorStop(1, '#d9c7a3');
			pen.fillStyle = warm;
			pen.fillRect(0, 0, 640, 360);
			pen.fillStyle = '#ffffff88';
			pen.beginPath();
			pen.arc(320 + 120 * Math.sin(n / 20), 180, 70, 0, 7);
			pen.fill();
			n++;
		}, 33);
		window.answer = async (sdp) => {
			const pc = new RTCPeerConnection();
			window.last = pc;
			await pc.setRemoteDescription({ type: 'offer', sdp });
			const [audio, camera, screen] = pc.getTransceivers();
			const tone = new AudioContext();
			const out = tone.createMediaStreamDestination();
			const oscillator = tone.createOscillator();
			oscillator.connect(out);
			oscillator.start();
			await audio.sender.replaceTrack(out.stream.getAudioTracks()[0]);
			await camera.sender.replaceTrack(canvas.captureStream(30).getVideoTracks()[0]);
			for (const one of [audio, camera, screen]) one.direction = 'sendrecv';
			await pc.setLocalDescription(await pc.createAnswer());
			await new Promise((done) => {
				if (pc.iceGatheringState === 'complete') return done();
				pc.addEventListener('icegatheringstatechange', () => pc.iceGatheringState === 'complete' && done());
				setTimeout(done, 1500);
			});
			return pc.localDescription.sdp;
		};
	});
	return { answer: (sdp) => page.evaluate((text) => window.answer(text), sdp), page, close: () => context.close() };
}
