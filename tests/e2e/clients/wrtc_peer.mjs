/*
 * A person on npm's @roamhq/wrtc: sends the known picture and a tone, reports what it sees as lines of JSON.
 *
 *	wrtc_peer.mjs GATEWAY ROLE	(the token is the first line of standard input; the session ends at its EOF)
 *
 * APARTE_THROUGH=ADDRESS:PORT leads its media through a relay.
 */
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import wrtc from '@roamhq/wrtc';
import { leadThrough } from '../lib/lossy.mjs';
import { draw, readBlocks, HEIGHT, TONE, WIDTH } from '../lib/picture.mjs';

const { RTCVideoSource, RTCVideoSink, RTCAudioSource, RTCAudioSink } = wrtc.nonstandard;
const [gateway, role] = process.argv.slice(2);
const tell = (what) => console.log(JSON.stringify(what));
const timers = [];

function camera() {
	const source = new RTCVideoSource();
	const grey = Buffer.alloc(WIDTH * HEIGHT * 3 / 2, 128);
	const start = performance.now();
	let number = 0;
	timers.push(setInterval(() => {
		const due = Math.floor((performance.now() - start) * 0.03);
		if (due <= number)
			return;
		number = due; /* a starved process leaves pictures out, as a camera does */
		draw(grey, role, number % 1200);
		source.onFrame({ width: WIDTH, height: HEIGHT, data: new Uint8ClampedArray(grey) });
	}, 10));
	return source.createTrack();
}

function microphone() {
	const source = new RTCAudioSource();
	const start = performance.now();
	let blocks = 0;
	timers.push(setInterval(() => {
		for (; blocks < (performance.now() - start) / 10; blocks++) {
			const samples = Int16Array.from({ length: 480 }, (_, i) =>
				8000 * Math.sin((2 * Math.PI * TONE[role] * (blocks * 480 + i)) / 48000));
			source.onData({ samples, sampleRate: 48000, bitsPerSample: 16, channelCount: 1, numberOfFrames: 480 });
		}
	}, 10));
	return source.createTrack();
}

let frames = 0, readable = 0;
function look({ frame }) {
	frames++;
	const { width, height, data } = frame;
	const seen = readBlocks((x, y) => data[Math.floor((y * height) / HEIGHT) * width + Math.floor((x * width) / WIDTH)]);
	if (seen)
		tell({ event: 'video', ...seen, frames, readable: ++readable, at: Date.now() });
}

let sounds = 0;
function listen({ samples }) {
	if (++sounds % 100 === 0)
		tell({ event: 'audio', frames: sounds, level: samples.reduce((most, one) => Math.max(most, Math.abs(one)), 0) });
}

const input = createInterface({ input: process.stdin });
const [token] = await once(input, 'line');
const pc = new wrtc.RTCPeerConnection();
pc.onconnectionstatechange = () => tell({ event: 'state', state: pc.connectionState });
pc.ontrack = ({ track }) => {
	if (track.kind === 'video')
		new RTCVideoSink(track).onframe = look;
	else
		new RTCAudioSink(track).ondata = listen;
};
pc.addTrack(microphone());
pc.addTrack(camera());
await pc.setLocalDescription(await pc.createOffer());
const answer = await fetch(`${gateway}/v1/media`, { method: 'POST', body: pc.localDescription.sdp,
	headers: { authorization: `Bearer ${token}`, 'content-type': 'application/sdp' } });
const sdp = await answer.text();
if (answer.status !== 201) {
	tell({ event: 'refused', status: answer.status, body: sdp });
	process.exit(1);
}
tell({ event: 'answer', location: answer.headers.get('location') });
const [address, port] = (process.env.APARTE_THROUGH ?? '').split(':');
await pc.setRemoteDescription({ type: 'answer', sdp: port ? leadThrough(sdp, address, port) : sdp });
await once(input, 'close');
timers.forEach(clearInterval);
pc.close();
process.exit(0);
