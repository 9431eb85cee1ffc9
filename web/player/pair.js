/*
 * Both persons side by side on one timeline. The first track that can play leads; the other follows it by small
 * changes of speed (within 40 ms), and by a seek when it is far off. When one waits for data, both wait.
 */
import { formatSeconds, t } from '../i18n/i18n.js';
import { el, replace, sayAttribute } from '../ui/dom.js';
import { drawn } from '../ui/icons.js';
import { onKeys } from './keys.js';

export const ROLES = ['coach', 'coachee'];
const SPEEDS = [0.75, 1, 1.25, 1.5, 2];
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
	#dragging = false;
	#timer;
	#buttons = {};

	/* `viewer` stands over the pictures; `names` are the two persons' names, where known. */
	constructor({ viewer, names = {} }) {
		super();
		this.#videos = Object.fromEntries(ROLES.map((role) => [role, this.#video(role)]));
		const pictures = ROLES.map((role) => {
			const caption = el('figcaption', { t: `role.${role}` });
			if (names[role]) caption.append(` · ${names[role]}`);
			const mark = el('span', { class: 'watermark', 'aria-hidden': 'true' });
			mark.textContent = viewer ?? '';
			const gone = el('p', { class: 'no-picture', t: 'player.trackFailed' });
			return el('figure', {}, this.#videos[role], mark, gone, caption);
		});
		this.node = el('div', { class: 'pair', tabindex: '-1' },
			el('div', { class: 'pictures' }, ...pictures), this.#controls());
		onKeys(this.node, this);
		this.#timer = setInterval(() => this.#tick(), EVERY_MS);
	}

	#video(role) {
		const video = el('video', { playsinline: true, preload: 'auto', test: `player-${role}`, label: `role.${role}`,
			disablepictureinpicture: true, disableremoteplayback: true, controlslist: 'nodownload' });
		video.addEventListener('contextmenu', (event) => event.preventDefault());
		video.addEventListener('error', () => {
			this.#failed.add(role);
			video.closest('figure').dataset.failed = 'true';
			this.dispatchEvent(new CustomEvent('trouble', { detail: role }));
		});
		for (const event of ['loadedmetadata', 'durationchange', 'seeked']) video.addEventListener(event, () => this.#show());
		return video;
	}

	#controls() {
		const button = (test, label, name, run) =>
			el('button', { type: 'button', class: 'control', test, label, hint: label, on: { click: run } }, drawn(name));
		this.#buttons.play = button('player-play', 'player.play', 'play', () => this.toggle());
		this.#buttons.timeline = el('input', { type: 'range', min: '0', max: '0', step: '0.05', value: '0', test: 'player-timeline', label: 'player.timeline' });
		const line = this.#buttons.timeline;
		line.addEventListener('pointerdown', () => (this.#dragging = true));
		line.addEventListener('pointerup', () => (this.#dragging = false));
		line.addEventListener('input', () => this.seek(Number(line.value)));
		this.#buttons.time = el('span', { class: 'clock', test: 'player-time' });
		this.#buttons.speed = el('select', { label: 'player.speed', test: 'player-speed' },
			...SPEEDS.map((speed) => {
				const option = el('option', { value: String(speed), selected: speed === 1 });
				option.textContent = `${speed} ×`;
				return option;
			}));
		this.#buttons.speed.addEventListener('change', () => this.speed(Number(this.#buttons.speed.value)));
		return el('div', { class: 'transport', role: 'group', label: 'player.controls' },
			this.#buttons.play, line, this.#buttons.time, this.#buttons.speed);
	}

	/* Each source is a URL. Answers when both know their length, or failed. */
	load(sources) {
		const known = (video) => new Promise((resolve) => {
			for (const event of ['loadedmetadata', 'error']) video.addEventListener(event, resolve, { once: true });
		});
		return Promise.all(ROLES.filter((role) => sources[role]).map((role) => {
			const ready = known(this.#videos[role]);
			this.#videos[role].src = sources[role];
			return ready;
		}));
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

	toggle() {
		if (this.#playing) this.pause();
		else this.play();
	}

	play() {
		if (this.duration && this.time >= this.duration - 0.1) this.seek(0);
		this.#playing = true;
		this.#show();
		this.#tick();
	}

	pause() {
		this.#playing = false;
		for (const video of this.#usable()) video.pause();
		this.#show();
	}

	seek(seconds) {
		const to = Math.max(0, Math.min(seconds, this.duration));
		for (const video of this.#usable()) video.currentTime = Math.min(to, video.duration || to);
		this.#show();
	}

	speed(rate) {
		this.#rate = rate;
		this.#buttons.speed.value = String(rate);
		for (const video of this.#usable()) video.playbackRate = rate;
	}

	/* One step up or down the list of speeds. */
	faster(step) {
		const at = SPEEDS.indexOf(this.#rate) + step;
		if (SPEEDS[at]) this.speed(SPEEDS[at]);
	}

	#tick() {
		const running = this.#usable().filter((video) => !video.ended);
		if (this.#playing && running.length === 0) return this.pause();
		if (this.#playing) this.#drive(running);
		if (!this.#dragging) this.#show();
	}

	#drive(running) {
		const waiting = running.some((video) => video.readyState < 3 || video.seeking);
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

	#show() {
		const { play, timeline, time } = this.#buttons;
		timeline.max = String(this.duration);
		timeline.value = String(this.time);
		timeline.style.setProperty('--part', this.duration ? String(this.time / this.duration) : '0');
		time.textContent = `${formatSeconds(this.time)} / ${formatSeconds(this.duration)}`;
		timeline.setAttribute('aria-valuetext', t('player.at', { time: formatSeconds(this.time), all: formatSeconds(this.duration) }));
		if (play.dataset.playing === String(this.#playing)) return;
		play.dataset.playing = String(this.#playing);
		for (const attribute of ['aria-label', 'title']) sayAttribute(play, attribute, this.#playing ? 'player.pause' : 'player.play');
		replace(play, drawn(this.#playing ? 'pause' : 'play'));
	}

	close() {
		clearInterval(this.#timer);
		for (const video of Object.values(this.#videos)) {
			video.pause();
			video.removeAttribute('src');
			video.load();
		}
	}
}
