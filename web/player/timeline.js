/*
 * One line for both persons: what each says as bars above and below it, the passages and what lies between them, notes
 * as flags. The place on it is a range input over the drawing, so that it is a slider to a screen reader and a finger.
 */
import { formatSeconds, t } from '../i18n/i18n.js';
import { el, plain, replace, sayAttribute } from '../ui/dom.js';
import { draw } from './drawing.js';

/* A flag's width with its room, CSS pixels: nearer ones share one. */
const FLAG = 28;

export class Timeline {
	#line;
	#canvas = el('canvas', { 'aria-hidden': 'true' });
	#flags = el('div', { class: 'flags', role: 'group', label: 'player.notes' });
	#hover = el('span', { class: 'hover', 'aria-hidden': 'true', hidden: true });
	#dragging = false;
	#frame = 0;
	#state = { duration: 0, time: 0, passages: [], holes: [], peaks: {}, ready: [] };
	#marks = [];
	#seek;
	#seen;

	constructor({ seek }) {
		this.#seek = seek;
		const line = this.#line = el('input', { type: 'range', min: '0', max: '0', step: '0.05', value: '0', test: 'player-timeline', label: 'player.timeline' });
		line.addEventListener('pointerdown', () => (this.#dragging = true));
		for (const end of ['pointerup', 'pointercancel']) line.addEventListener(end, () => (this.#dragging = false));
		line.addEventListener('input', () => seek(Number(line.value)));
		this.node = el('div', { class: 'timeline' }, this.#flags, el('div', { class: 'wave' }, this.#canvas, line, this.#hover));
		line.addEventListener('pointermove', (event) => this.#point(event));
		line.addEventListener('pointerleave', () => (this.#hover.hidden = true));
		this.#seen = new ResizeObserver(() => this.#layout());
		this.#seen.observe(this.#canvas);
	}

	#point({ offsetX }) {
		const width = this.#line.clientWidth;
		if (!this.#state.duration || !width) return;
		this.#hover.textContent = formatSeconds(Math.max(0, Math.min(1, offsetX / width)) * this.#state.duration);
		this.#hover.style.setProperty('--at', String(Math.max(0.03, Math.min(0.97, offsetX / width))));
		this.#hover.hidden = false;
	}

	/* What changed of {duration, time, passages, holes, peaks, ready}. While a hand is on it, its place is the hand's. */
	show(change) {
		const { duration } = this.#state;
		Object.assign(this.#state, change);
		const { time } = this.#state;
		if (duration !== this.#state.duration) this.#layout();
		this.#line.max = String(this.#state.duration);
		if (!this.#dragging) this.#line.value = String(time);
		this.#line.setAttribute('aria-valuetext', t('player.at', { time: formatSeconds(time), all: formatSeconds(this.#state.duration) }));
		this.#redraw();
	}

	/* [{id, at (s), text}] in order of time. */
	marks(all) {
		this.#marks = all;
		this.#layout();
	}

	get places() {
		return this.#marks.map(({ at }) => at);
	}

	#layout() {
		const width = this.#canvas.clientWidth, { duration } = this.#state;
		const groups = [];
		for (const mark of duration && width ? this.#marks : []) {
			const x = (mark.at / duration) * width, last = groups.at(-1);
			if (last && x - last.x < FLAG) last.marks.push(mark);
			else groups.push({ x, marks: [mark] });
		}
		replace(this.#flags, ...groups.map((group) => this.#flag(group, width)));
		this.#redraw();
	}

	#flag({ x, marks }, width) {
		const [{ at, text, id }] = marks;
		const flag = plain('button', marks.length > 1 ? String(marks.length) : '', { type: 'button', class: 'flag', test: 'player-note', 'data-id': id });
		flag.style.setProperty('--at', String(Math.min(1, x / width)));
		const words = { time: formatSeconds(at), text, more: String(marks.length - 1) };
		for (const name of ['aria-label', 'title']) sayAttribute(flag, name, marks.length > 1 ? 'player.flags' : 'player.flag', words);
		flag.addEventListener('click', () => {
			this.#seek(at);
			flag.dispatchEvent(new CustomEvent('mark', { bubbles: true, detail: id }));
		});
		return flag;
	}

	#redraw() {
		if (this.#frame) return;
		this.#frame = requestAnimationFrame(() => {
			this.#frame = 0;
			draw(this.#canvas, this.#state);
		});
	}

	close() {
		this.#seen.disconnect();
		cancelAnimationFrame(this.#frame);
	}
}
