/*
 * The pictures: the peer large, oneself small in a corner, a shared screen before both. A picture is shown only while
 * frames come; otherwise words say why there is none.
 */
import { el, say } from '../ui/dom.js';
import { drawn } from '../ui/icons.js';

const STILL_MS = 4000;

function player(test, label, muted) {
	const video = el('video', { autoplay: true, playsinline: true, test, label });
	video.muted = muted;
	return video;
}

/* Calls `change(flowing)` when frames begin to come, and when none came for a while. */
function watchFrames(video, change) {
	let last = 0;
	let flowing = false;
	const set = (now) => {
		if (now !== flowing) change((flowing = now));
	};
	const frame = () => {
		last = performance.now();
		set(true);
		video.requestVideoFrameCallback(frame);
	};
	video.requestVideoFrameCallback(frame);
	setInterval(() => set(performance.now() - last < STILL_MS), 500);
}

export class Stage {
	#peer = player('peer-video', 'call.peer', true);
	#screen = player('screen-video', 'call.peerScreen', true);
	#self = player('self-video', 'call.self', true);
	#audio = el('audio', { autoplay: true, test: 'peer-audio' });
	#placeholder = el('p', { class: 'placeholder', role: 'status' });
	#hear = el('button', { type: 'button', class: 'button primary hear', t: 'call.hear', hidden: true });
	#muted = el('span', { class: 'tag', hidden: true }, drawn('micOff'), el('span', { t: 'call.peerMuted' }));
	#session;
	#state;
	#flow = { camera: false, screen: false };

	constructor(session, state) {
		this.#session = session;
		this.#state = state;
		this.node = el('div', { class: 'stage' }, this.#peer, this.#screen,
			el('div', { class: 'stage-empty' }, drawn('person'), this.#placeholder), this.#muted, this.#hear,
			el('div', { class: 'self' }, this.#self), this.#audio);
		this.#hear.addEventListener('click', () => this.#audio.play().then(() => (this.#hear.hidden = true)));
		watchFrames(this.#peer, (flowing) => this.#flows('camera', flowing));
		watchFrames(this.#screen, (flowing) => this.#flows('screen', flowing));
		session.addEventListener('change', () => this.show());
		state.addEventListener('change', () => this.show());
		this.show();
	}

	#flows(what, flowing) {
		this.#flow[what] = flowing;
		this.show();
	}

	/* The peer's tracks of a (new) connection. */
	attach(media) {
		this.#audio.srcObject = new MediaStream([media.received(0)]);
		this.#peer.srcObject = new MediaStream([media.received(1)]);
		this.#screen.srcObject = new MediaStream([media.received(2)]);
		for (const video of [this.#peer, this.#screen]) video.play().catch(() => {});
		this.#audio.play().catch((failure) => (this.#hear.hidden = failure.name !== 'NotAllowedError'));
	}

	showSelf(track) {
		this.#self.srcObject = track ? new MediaStream([track]) : null;
		this.node.dataset.self = track ? 'on' : 'off';
	}

	show() {
		const { peer, connected } = { peer: this.#state.peer, connected: this.#session.party?.peer?.connected };
		const camera = this.#flow.camera && peer.camera;
		const screen = this.#flow.screen && peer.screen;
		this.node.dataset.peer = camera ? 'on' : 'off';
		this.node.dataset.screen = screen ? 'on' : 'off';
		this.#muted.hidden = peer.mic || !connected;
		const name = this.#session.party?.peer?.name;
		const key = !connected ? 'call.waiting' : peer.camera ? 'call.connecting' : 'call.peerCameraOff';
		say(this.#placeholder, name ? `${key}.name` : key, name ? { name } : undefined);
	}
}
