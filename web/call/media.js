/*
 * The one media connection to the gateway: audio, camera and screen both ways, in that order from the start, never
 * renegotiated. Lost connectivity is met with an ICE restart, and with a new connection when that fails or when the
 * gateway, having been restarted, knows nothing of this one.
 *
 * Events: "state" (detail: connecting, connected, reconnecting, failed), "tracks" (the peer's three tracks are there).
 */
import { iceServers, restartFragment, restartedAnswer } from './sdp.js';

const RETRY_MS = [500, 1000, 2000, 4000, 8000];
const RESTART_MS = 6000;
const FRAGMENT = 'application/trickle-ice-sdpfrag';
const KINDS = ['audio', 'video', 'video'];

export class Media extends EventTarget {
	state = 'connecting';
	#api;
	#pc = null;
	#resource = null;
	#etag = '';
	#wanted = [null, null, null];
	#closed = false;
	#failures = 0;
	#timer = null;
	#working = false;

	constructor(api) {
		super();
		this.#api = api;
	}

	/* What to send in a place: 0 audio, 1 camera, 2 screen; null sends nothing. */
	async send(place, track) {
		this.#wanted[place] = track;
		await this.#pc?.getTransceivers()[place]?.sender.replaceTrack(track).catch(() => {});
	}

	/* The peer's track in a place. */
	received(place) {
		return this.#pc?.getTransceivers()[place]?.receiver.track ?? null;
	}

	stats() {
		return this.#pc?.getStats() ?? Promise.resolve(new Map());
	}

	async start() {
		await this.#connect();
	}

	/* Again after it was ended from outside (replaced by another tab). */
	async resume() {
		this.#closed = false;
		this.#failures = 0;
		await this.#connect();
	}

	/* The gateway was out of reach: asks whether it still knows this connection (a PATCH that adds nothing), which is
	 * sooner told than noticed. */
	async verify() {
		const pc = this.#pc;
		if (this.#closed || this.#working) return;
		if (!pc) return void this.#again();
		const nothing = { body: 'a=end-of-candidates\r\n', type: FRAGMENT, headers: { 'If-Match': this.#etag } };
		await this.#api.request('PATCH', this.#resource, nothing).catch((failure) => {
			if (failure.status === 404 && pc === this.#pc && !this.#closed) this.#again();
		});
	}

	#again() {
		this.#set('reconnecting');
		clearTimeout(this.#timer);
		this.#connect();
	}

	/* Hangs up; `told` is false when the gateway already knows. */
	stop(told = true) {
		this.#closed = true;
		clearTimeout(this.#timer);
		const resource = this.#resource;
		this.#drop();
		if (told && resource) this.#api.request('DELETE', resource).catch(() => {});
	}

	#drop() {
		this.#pc?.close();
		this.#pc = null;
		this.#resource = null;
	}

	#set(state) {
		this.state = state;
		this.dispatchEvent(new CustomEvent('state', { detail: state }));
	}

	#newConnection() {
		const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
		KINDS.forEach((kind, place) => {
			const transceiver = pc.addTransceiver(kind, { direction: 'sendrecv' });
			if (this.#wanted[place]) transceiver.sender.replaceTrack(this.#wanted[place]);
		});
		pc.addEventListener('connectionstatechange', () => this.#follow(pc));
		return pc;
	}

	/* The offer goes out before it is set, so that the ICE servers of the answer are known when gathering begins. */
	async #negotiate(pc) {
		const offer = await pc.createOffer();
		const how = { body: offer.sdp, type: 'application/sdp', headers: this.#api.page };
		const response = await this.#api.request('POST', '/v1/media', how);
		const servers = iceServers(response.headers.get('Link'));
		if (servers.length) pc.setConfiguration({ ...pc.getConfiguration(), iceServers: servers });
		this.#resource = new URL(response.headers.get('Location'), location.href).pathname;
		this.#etag = response.headers.get('ETag');
		await pc.setLocalDescription(offer);
		await pc.setRemoteDescription({ type: 'answer', sdp: await response.text() });
	}

	async #connect() {
		if (this.#closed || this.#working) return;
		this.#working = true;
		this.#drop();
		const pc = (this.#pc = this.#newConnection());
		try {
			await this.#negotiate(pc);
			this.dispatchEvent(new CustomEvent('tracks'));
		} catch (failure) {
			if (pc === this.#pc) this.#drop();
			if (failure.status && failure.status < 500 && ![404, 429].includes(failure.status)) this.#giveUp(failure);
			else this.#later();
		} finally {
			this.#working = false;
		}
	}

	#giveUp(failure) {
		this.#closed = true;
		this.failure = failure;
		this.#set('failed');
	}

	#later() {
		if (this.#closed) return;
		this.#set('reconnecting');
		clearTimeout(this.#timer);
		const wait = RETRY_MS[Math.min(this.#failures++, RETRY_MS.length - 1)];
		this.#timer = setTimeout(() => this.#connect(), wait);
	}

	#follow(pc) {
		if (pc !== this.#pc) return;
		if (pc.connectionState === 'connected') {
			this.#failures = 0;
			clearTimeout(this.#timer);
			this.#set('connected');
		} else if (pc.connectionState === 'disconnected') {
			this.#set('reconnecting');
			clearTimeout(this.#timer);
			this.#timer = setTimeout(() => this.#restart(pc), 1500);
		} else if (pc.connectionState === 'failed') {
			this.#restart(pc);
		}
	}

	#unlessConnected(pc) {
		if (pc === this.#pc && pc.connectionState !== 'connected') this.#connect();
	}

	/* New ICE credentials on the same connection; when that does not connect in time, a new connection. */
	async #restart(pc) {
		if (pc !== this.#pc || this.#closed || pc.connectionState === 'connected') return;
		this.#set('reconnecting');
		clearTimeout(this.#timer);
		try {
			const offer = await pc.createOffer({ iceRestart: true });
			const response = await this.#api.request('PATCH', this.#resource, {
				body: restartFragment(offer.sdp),
				type: FRAGMENT,
				headers: { 'If-Match': '"*"' },
			});
			this.#etag = response.headers.get('ETag');
			const sdp = restartedAnswer(pc.remoteDescription.sdp, await response.text());
			await pc.setLocalDescription(offer);
			await pc.setRemoteDescription({ type: 'answer', sdp });
			// The old way may have come back meanwhile: then no change of state will tell.
			if (pc.connectionState === 'connected') this.#follow(pc);
			else this.#timer = setTimeout(() => this.#unlessConnected(pc), RESTART_MS);
		} catch {
			if (pc === this.#pc) this.#later();
		}
	}
}
