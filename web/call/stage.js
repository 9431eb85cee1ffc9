/*
 * The pictures: the peer large, oneself small in a corner, a shared screen before both. A picture is shown only while
 * frames come; otherwise initials and words say why there is none.
 */
import { el, plain, replace, say } from '../ui/dom.js';
import { drawn } from '../ui/icons.js';
import { initials } from '../ui/person.js';

const STILL_MS = 4000;

function player(test, label, muted) {
	const video = el('video', { autoplay: true, playsinline: true, test, label });
	video.muted = muted;
	return video;
}

/* Calls `change(flowing)` when frames begin to come, and when none came for a while; answers the stopping function. */
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
	const timer = setInterval(() => set(performance.now() - last < STILL_MS), 500);
	return () => clearInterval(timer);
}

/* A name over a picture, with a struck-out microphone while that person is muted. */
function nameTag(name, key) {
	const muted = el('span', { class: 'muted', role: 'img', label: 'call.peerMuted', hidden: true }, drawn('micOff'));
	const node = el('span', { class: 'tag' }, muted, name ? plain('span', name, { class: 'name' }) : el('span', { t: key }));
	return { node, muted };
}

export class Stage {
	#peer = player('peer-video', 'call.peer', true);
	#screen = player('screen-video', 'call.peerScreen', true);
	#self = player('self-video', 'call.self', true);
	#audio = el('audio', { autoplay: true, test: 'peer-audio' });
	#placeholder = el('p', { class: 'placeholder', role: 'status', test: 'placeholder' });
	#hint = el('p', { class: 'placeholder-hint', t: 'call.waiting.hint' });
	#face = el('span', {});
	#hear = el('button', { type: 'button', class: 'button primary hear', t: 'call.hear', hidden: true });
	#sharing = el('p', { class: 'tag sharing', role: 'status', hidden: true }, drawn('screen'), el('span', { t: 'call.sharing' }));
	#peerTag;
	#selfTag = nameTag(null, 'call.self');
	#session;
	#state;
	#devices;
	#flow = { camera: false, screen: false };
	#met = false;
	#watches;

	constructor(session, state, devices) {
		this.#session = session;
		this.#state = state;
		this.#devices = devices;
		this.#peerTag = nameTag(session.party?.peer?.name, 'call.other');
		this.node = el('div', { class: 'stage' }, this.#peer, this.#screen,
			el('div', { class: 'stage-empty' }, this.#face, this.#placeholder, this.#hint), this.#peerTag.node, this.#sharing, this.#hear,
			el('div', { class: 'self' }, this.#self, el('div', { class: 'self-empty' }, initials(session.party?.name)), this.#selfTag.node), this.#audio);
		this.#hear.addEventListener('click', () => this.#audio.play().then(() => (this.#hear.hidden = true)));
		replace(this.#face, initials(session.party?.peer?.name));
		this.#watches = [[this.#peer, 'camera'], [this.#screen, 'screen']]
			.map(([video, what]) => watchFrames(video, (flowing) => this.#flows(what, flowing)));
		session.addEventListener('change', () => this.show());
		state.addEventListener('change', () => this.show());
		devices.addEventListener('sink', () => devices.playThrough(this.#audio));
		devices.playThrough(this.#audio);
		this.show();
	}

	/* The other person's picture. */
	get video() {
		return this.#peer;
	}

	stop() {
		for (const stop of this.#watches) stop();
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

	showSelf() {
		const track = this.#devices.track('video');
		this.#self.srcObject = track ? new MediaStream([track]) : null;
		this.node.dataset.self = track ? 'on' : 'off';
		this.#selfTag.muted.hidden = Boolean(this.#devices.track('audio')?.enabled);
	}

	/* Whether one's own screen is being shown to the other. */
	shares(on) {
		this.#sharing.hidden = !on;
	}

	show() {
		const { peer, connected } = { peer: this.#state.peer, connected: this.#session.party?.peer?.connected };
		const camera = this.#flow.camera && peer.camera;
		const screen = this.#flow.screen && peer.screen;
		this.#met ||= Boolean(connected);
		this.node.dataset.peer = camera ? 'on' : 'off';
		this.node.dataset.screen = screen ? 'on' : 'off';
		this.#peerTag.muted.hidden = peer.mic || !connected;
		this.#peerTag.node.hidden = !connected;
		this.#hint.hidden = Boolean(connected);
		const name = this.#session.party?.peer?.name;
		const key = !connected ? (this.#met ? 'call.gone' : 'call.waiting') : peer.camera ? 'call.connecting' : 'call.peerCameraOff';
		say(this.#placeholder, name ? `${key}.name` : key, name ? { name } : undefined);
	}
}
