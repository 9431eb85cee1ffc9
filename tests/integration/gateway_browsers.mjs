/*
 * Two real Chromium pages through the real gateway process (fake vault): the answer is accepted, frames arrive both
 * ways, an ICE restart keeps them coming, and a reconnection with the same token does too.
 *
 *     node gateway_browsers.mjs <gateway_stand> <aparte-gateway> <web>
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const { chromium } = createRequire(fileURLToPath(new URL('../e2e/package.json', import.meta.url)))('playwright-core');
const HTTP = 25210;
const BASE = `http://127.0.0.1:${HTTP}`;
const FLAGS = ['--no-sandbox', '--use-fake-device-for-media-stream=fps=30', '--use-fake-ui-for-media-stream',
	'--allow-loopback-in-peer-connection', '--disable-quic', '--no-first-run', '--disable-background-networking',
	'--disable-component-update', '--disable-sync'];

function stand([program, gateway, web]) {
	const child = spawn(program, [gateway, String(HTTP), '25220', web], { stdio: ['pipe', 'pipe', 'inherit'] });
	const ready = new Promise((resolve, reject) => {
		child.stdout.on('data', (text) => String(text).includes('ready') && resolve());
		child.on('exit', () => reject(new Error('the gateway ended')));
	});
	const stop = () => new Promise((resolve) => {
		child.removeAllListeners('exit');
		child.on('exit', resolve);
		child.stdin.end();
	});
	return { ready, stop };
}

/* In the page: a connection with audio and video both ways. */
async function connect(token) {
	const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
	const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
	pc.addTransceiver(media.getAudioTracks()[0], { direction: 'sendrecv' });
	pc.addTransceiver(media.getVideoTracks()[0], { direction: 'sendrecv' });
	await pc.setLocalDescription(await pc.createOffer());
	const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/sdp' };
	const response = await fetch('/v1/media', { method: 'POST', headers, body: pc.localDescription.sdp });
	if (response.status !== 201) throw new Error(await response.text());
	const place = { resource: response.headers.get('Location'), token };
	await pc.setRemoteDescription({ type: 'answer', sdp: await response.text() });
	globalThis.call = { pc, ...place };
}

async function restart() {
	const { pc, resource, token } = globalThis.call;
	const offer = await pc.createOffer({ iceRestart: true });
	const lines = offer.sdp.split('\r\n').filter((line) => /^a=ice-(ufrag|pwd):/.test(line)).slice(0, 2);
	const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '"*"' };
	const response = await fetch(resource, { method: 'PATCH', headers, body: `${lines.join('\r\n')}\r\n` });
	if (response.status !== 200) throw new Error(await response.text());
	const fragment = await response.text();
	const value = (name) => new RegExp(`a=${name}:(\\S+)`).exec(fragment)[1];
	const sdp = pc.remoteDescription.sdp.replace(/a=ice-ufrag:\S+/g, `a=ice-ufrag:${value('ice-ufrag')}`)
		.replace(/a=ice-pwd:\S+/g, `a=ice-pwd:${value('ice-pwd')}`);
	await pc.setLocalDescription(offer);
	await pc.setRemoteDescription({ type: 'answer', sdp });
}

async function frames() {
	let video = 0;
	let audio = 0;
	for (const report of (await globalThis.call.pc.getStats()).values()) {
		if (report.type === 'inbound-rtp' && report.kind === 'video') video = report.framesDecoded ?? 0;
		if (report.type === 'inbound-rtp' && report.kind === 'audio') audio = report.packetsReceived ?? 0;
	}
	return { video, audio };
}

/* Both must decode `more` frames beyond what they have now. */
async function expectFrames(pages, more, what) {
	const before = await Promise.all(pages.map((page) => page.evaluate(frames)));
	for (let i = 0; i < 100; i++) {
		const now = await Promise.all(pages.map((page) => page.evaluate(frames)));
		if (now.every((n, k) => n.video >= before[k].video + more && n.audio > before[k].audio)) {
			console.log(what, JSON.stringify(now));
			return;
		}
		await new Promise((done) => setTimeout(done, 200));
	}
	assert.fail(`${what}: no frames`);
}

const gateway = stand(process.argv.slice(2));
await gateway.ready;
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: FLAGS });
try {
	const pages = [await browser.newPage(), await browser.newPage()];
	for (const page of pages) await page.goto(`${BASE}/join`);
	await pages[0].evaluate(connect, 'coach-token');
	await pages[1].evaluate(connect, 'coachee-token');
	await expectFrames(pages, 15, 'connected');
	await pages[0].evaluate(restart);
	await expectFrames(pages, 15, 'after an ICE restart');
	await pages[0].reload();
	await pages[0].evaluate(connect, 'coach-token');
	await expectFrames(pages, 15, 'after a reload');
} finally {
	await browser.close();
	await gateway.stop();
}
