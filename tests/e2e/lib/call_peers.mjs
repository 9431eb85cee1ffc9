/* The media of many persons without a browser, by one small process (tests/testlib/call_peers.c). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { built } from './instance.mjs';

/* An offer with one sound and one VP8 picture on the numbers that call_peers sends with. */
function offer(ufrag, pwd, fingerprint) {
	const line = (mid, media, ssrc) => [...media, 'c=IN IP4 0.0.0.0', `a=ice-ufrag:${ufrag}`, `a=ice-pwd:${pwd}`,
		`a=fingerprint:sha-256 ${fingerprint}`, 'a=setup:actpass', `a=mid:${mid}`, 'a=sendrecv', 'a=rtcp-mux', `a=ssrc:${ssrc} cname:peer`];
	return ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0 1',
		...line(0, ['m=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=rtpmap:111 opus/48000/2'], 0x11111111),
		...line(1, ['m=video 9 UDP/TLS/RTP/SAVPF 96', 'a=rtpmap:96 VP8/90000', 'a=rtcp-fb:96 nack pli'], 0x22222222), '']
		.join('\r\n');
}

const found = (sdp, pattern) => pattern.exec(sdp)[1];

export class CallPeers {
	#waiting = [];

	static async start() {
		const peers = new CallPeers();
		peers.child = spawn(join(dirname(built), 'tests/call_peers'), [], { stdio: ['pipe', 'pipe', 'inherit'] });
		createInterface({ input: peers.child.stdout }).on('line', (line) => peers.#take(line));
		await peers.#line(/^ready$/);
		return peers;
	}

	#take(line) {
		const at = this.#waiting.findIndex(({ pattern }) => pattern.test(line));
		if (at >= 0)
			this.#waiting.splice(at, 1)[0].done(line);
		else if (this.counting)
			this.counting.push(line);
	}

	#line(pattern) {
		return new Promise((done) => this.#waiting.push({ pattern, done }));
	}

	#say(...words) {
		this.child.stdin.write(`${words.join(' ')}\n`);
	}

	/* Calls in the person's name, whose frames count on from `first`; throws what the gateway answers if it is no 201. */
	async call(party, name, first) {
		const made = this.#line(new RegExp(`^made ${name} `));
		this.#say('make', name, first);
		const [, , ufrag, pwd, fingerprint] = (await made).split(' ');
		try {
			const answer = await party.call('POST', '/v1/media', offer(ufrag, pwd, fingerprint), { type: 'application/sdp', raw: true });
			if (answer.status !== 201)
				throw Object.assign(new Error(`POST /v1/media: ${answer.status} ${answer.text}`), { status: answer.status });
			const sdp = answer.text;
			this.#say('dial', name, found(sdp, /a=ice-ufrag:(\S+)/), found(sdp, /a=ice-pwd:(\S+)/),
				found(sdp, /a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+)/i), found(sdp, /a=fingerprint:sha-256 (\S+)/i));
		} catch (error) {
			this.drop(name);
			throw error;
		}
	}

	drop(name) {
		this.#say('drop', name);
	}

	/* { name: { ready, frame, received, lost, gap } }; loss and gap are since the last time. One at a time. */
	async count() {
		this.counting = [];
		const counted = this.#line(/^counted$/);
		this.#say('count');
		await counted;
		const lines = this.counting.map((line) => line.split(' '));
		return Object.fromEntries(lines.map(([name, ...numbers]) => {
			const [ready, frame, received, lost, gap] = numbers.map(Number);
			return [name, { ready: ready === 1, frame, received, lost, gap }];
		}));
	}

	async stop() {
		this.child.stdin.end();
		await once(this.child, 'exit');
	}
}
