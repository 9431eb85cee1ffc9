/*
 * Both persons side by side on one timeline. The first track that can play leads; the other follows it by small
 * changes of speed (within 40 ms), and by a seek when it is far off. When one waits for data, both wait.
 *
 * Events: `trouble` (detail: the role whose track cannot be played), `time` (another place, or another length), `note` (the
 * key for one), `mark` (detail: the id of a flag that was chosen).
 */
import { el, plain, say } from '../ui/dom.js';
import { passageAt, passages } from './epochs.js';
import { onKeys } from './keys.js';
import { Sound } from './sound.js';
import { sign } from './symbols.js';
import { Timeline } from './timeline.js';
import { SPEEDS, Transport } from './transport.js';
import { watermarks } from './watermark.js';
import './words.js';

export const ROLES = ['coach', 'coachee'];
const FAR_S = 0.35;
const NEAR_S = 0.015;
const EVERY_MS = 100;

/* The follower's speed for a drift in seconds (positive: it is ahead), or null: seek instead. */
export function correctedRate(rate, drift) {
	if (Math.abs(drift) > FAR_S) return null;
	if (Math.abs(drift) < NEAR_S) return rate;
	return rate * (1 - Math.max(-0.12, Math.min(0.12, drift * 1.5)));
}

export class PairPlayer extends EventTarget {
	drift = 0;
	#videos;
	#failed = new Set();
	#playing = false;
	#rate = 1;
	#timer;
	#timeline;
	#transport;
	#marks;
	#status = el('p', { class: 'unseen', role: 'status', test: 'player-status' });
	#passages = [];
	#sources = {};
	#sound = null;
	#shown = '';

	/* `viewer` stands over the pictures; `names` are the two persons' names, where known. */
	constructor({ viewer, names = {} }) {
		super();
		this.#videos = Object.fromEntries(ROLES.map((role) => [role, this.#video(role)]));
		this.#marks = watermarks(viewer, ROLES.length);
		this.#timeline = new Timeline({ seek: (to) => this.seek(to) });
		this.#transport = new Transport(this);
		const pictures = ROLES.map((role, i) => this.#picture(role, names[role], this.#marks.nodes[i]));
		this.node = el('div', { class: 'pair', tabindex: '-1', role: 'group', label: 'player.player' },
			el('div', { class: 'pictures' }, ...pictures), this.#timeline.node, this.#transport.node, this.#status);
		this.node.addEventListener('mark', ({ detail }) => this.dispatchEvent(new CustomEvent('mark', { detail })));
		onKeys(this.node, this);
		this.#timer = setInterval(() => this.#tick(), EVERY_MS);
	}

	#video(role) {
		const video = el('video', { playsinline: true, preload: 'auto', test: `player-${role}`, label: `role.${role}`,
			disablepictureinpicture: true, disableremoteplayback: true, controlslist: 'nodownload' });
		video.addEventListener('contextmenu', (event) => event.preventDefault());
		video.addEventListener('click', () => this.toggle());
		video.addEventListener('error', () => {
			if (!video.hasAttribute('src')) return;
			this.#failed.add(role);
			video.closest('figure').dataset.failed = 'true';
			this.dispatchEvent(new CustomEvent('trouble', { detail: role }));
		});
		for (const event of ['loadedmetadata', 'durationchange', 'seeked']) video.addEventListener(event, () => this.#show());
		return video;
	}

	#picture(role, name, mark) {
		const words = el('span', { class: 'name' }, el('span', { class: name ? 'role' : null, t: `role.${role}` }), name ? plain('strong', name) : null);
		const mute = el('button', { type: 'button', class: 'mute', test: `player-mute-${role}`, 'aria-pressed': 'false', label: `player.mute.${role}`, hint: `player.mute.${role}` },
			sign('sound'));
		mute.addEventListener('click', () => this.mute(role));
		return el('figure', { class: role }, this.#videos[role], mark, el('p', { class: 'no-picture', t: 'player.trackFailed' }),
			el('figcaption', {}, words, mute));
	}

	/* Each source is a URL. Answers when both know their length, or failed. */
	load(sources) {
		this.#sources = sources;
		const known = (video) => new Promise((resolve) => {
			for (const event of ['loadedmetadata', 'error']) video.addEventListener(event, resolve, { once: true });
		});
		return Promise.all(ROLES.filter((role) => sources[role]).map((role) => {
			const ready = known(this.#videos[role]);
			this.#videos[role].src = sources[role];
			return ready;
		}));
	}

	/* Once more from the same place, after what stood against it is out of the way. */
	async again() {
		const { time } = this;
		this.#failed.clear();
		for (const figure of this.node.querySelectorAll('figure')) delete figure.dataset.failed;
		await this.load(this.#sources);
		this.seek(time);
	}

	/*
	 * What is known of the recording, after load(): its passages; and how its bytes are read beside the player for the
	 * picture of the sound, {role: {size, read(from, to, signal)}}.
	 */
	describe(recording, tracks) {
		const { duration } = this;
		if (!duration) return;
		this.#passages = passages(recording, duration);
		this.#timeline.show({ duration, passages: this.#passages });
		this.#sound?.close();
		const changed = () => {
			const { peaks } = this.#sound;
			this.#timeline.show({ peaks, holes: peaks.coach?.holes() ?? peaks.coachee?.holes() ?? [] });
		};
		if (tracks) this.#sound = new Sound({ duration, tracks, where: () => this.time, changed });
		this.#show();
	}

	/* Notes as flags: [{id, at (s), text}] in order of time. */
	flags(all) {
		this.#timeline.marks(all);
	}

	#usable() {
		return ROLES.filter((role) => !this.#failed.has(role) && this.#videos[role].readyState > 0).map((role) => this.#videos[role]);
	}

	get duration() {
		return Math.max(0, ...this.#usable().map((video) => video.duration).filter(Number.isFinite));
	}

	get time() {
		return Math.max(0, ...this.#usable().map((video) => video.currentTime));
	}

	get passages() {
		return this.#passages;
	}

	get rate() {
		return this.#rate;
	}

	/* In words to who cannot see it. */
	tell(key, values) {
		say(this.#status, key, values);
	}

	toggle() {
		if (this.#playing) this.pause();
		else this.play();
	}

	play() {
		if (this.duration && this.time >= this.duration - 0.1) this.seek(0);
		this.#playing = true;
		this.tell('player.playing');
		this.#show();
		this.#tick();
	}

	pause() {
		this.#playing = false;
		for (const video of this.#usable()) video.pause();
		this.tell('player.paused');
		this.#show();
	}

	seek(seconds) {
		const to = Math.max(0, Math.min(seconds, this.duration));
		for (const video of this.#usable()) video.currentTime = Math.min(to, video.duration || to);
		this.#show();
	}

	speed(rate) {
		this.#rate = rate;
		this.#transport.speed(rate);
		this.tell(`player.rate.${rate}`);
		for (const video of this.#usable()) video.playbackRate = rate;
	}

	/* One step up or down the list of speeds. */
	faster(step) {
		const at = SPEEDS.indexOf(this.#rate) + step;
		if (SPEEDS[at]) this.speed(SPEEDS[at]);
	}

	/* To the passage before or behind; back goes to the beginning of this one first, as a record player does. */
	passage(step) {
		const at = passageAt(this.#passages, this.time), here = this.#passages[at];
		if (!here) return;
		const back = step < 0 && this.time - here.from > 2 ? 0 : step;
		const there = this.#passages[Math.max(0, Math.min(this.#passages.length - 1, at + back))];
		this.seek(there.from);
	}

	/* To the flag before or behind. */
	marker(step) {
		const { places } = this.#timeline, { time } = this;
		const there = step > 0 ? places.find((at) => at > time + 0.1) : places.findLast((at) => at < time - 0.5);
		if (there !== undefined) this.seek(there);
	}

	/* One person's sound off or on; without one, both. */
	mute(role) {
		const roles = role ? [role] : ROLES;
		const off = roles.some((one) => !this.#videos[one].muted);
		for (const one of roles) {
			this.#videos[one].muted = off;
			const button = this.node.querySelector(`[data-testid=player-mute-${one}]`);
			button.setAttribute('aria-pressed', String(off));
			button.replaceChildren(sign(off ? 'soundOff' : 'sound'));
		}
	}

	/* The whole player, names over the pictures and all. */
	full() {
		if (document.fullscreenElement) document.exitFullscreen();
		else this.node.requestFullscreen?.().catch(() => {}); // not everywhere: then it stays as it is
	}

	#tick() {
		const running = this.#usable().filter((video) => !video.ended);
		if (this.#playing && running.length === 0) return this.pause();
		if (this.#playing) this.#drive(running);
		this.#show();
	}

	#drive(running) {
		const waiting = running.some((video) => video.readyState < 3 || video.seeking);
		if (waiting && this.node.dataset.waiting !== 'true') this.tell('player.waiting');
		this.node.dataset.waiting = String(waiting);
		for (const video of running) {
			if (waiting) video.pause();
			else if (video.paused) video.play().catch(() => this.pause());
		}
		if (waiting || running.length < 2) return;
		const [leader, follower] = running;
		this.drift = follower.currentTime - leader.currentTime;
		const rate = correctedRate(this.#rate, this.drift);
		leader.playbackRate = this.#rate;
		if (rate === null) follower.currentTime = leader.currentTime;
		else follower.playbackRate = rate;
	}

	/* Parts that the browser has of the leading track. */
	#ready() {
		const [leader] = this.#usable();
		const parts = leader?.buffered ?? { length: 0 };
		return Array.from({ length: parts.length }, (_, i) => ({ from: parts.start(i), to: parts.end(i) }));
	}

	#show() {
		const { time, duration } = this, ready = this.#ready();
		const key = JSON.stringify([time, duration, ready, this.#playing, this.#passages.length]);
		if (key === this.#shown) return;
		this.#shown = key;
		this.dispatchEvent(new Event('time'));
		this.#timeline.show({ time, duration, ready });
		this.#transport.show({ time, duration, playing: this.#playing, passages: this.#passages });
	}

	close() {
		clearInterval(this.#timer);
		this.#sound?.close();
		this.#marks.close();
		this.#timeline.close();
		for (const video of Object.values(this.#videos)) {
			video.pause();
			video.removeAttribute('src');
			video.load();
		}
	}
}
