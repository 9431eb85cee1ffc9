/*
 * A long list of which only what is in sight is in the page: rows of one height, brought as one scrolls. A row that has
 * the focus stays, so that the keyboard does not lose its place; each says its number of how many.
 */
import { el } from '../ui/dom.js';

const BEYOND = 8; /* rows drawn above and below what is in sight */

export class Windowed {
	#rows = new Map(); /* index → node */
	#count = 0;
	#draw;
	#wanted;
	#frame = 0;
	#moved = () => this.#soon();
	#size;

	/* `draw(index)` makes one row; `wanted(last)` hears up to which row one sees. */
	constructor({ draw, wanted, test }) {
		this.#draw = draw;
		this.#wanted = wanted;
		this.node = el('ul', { class: 'window', test });
		/* Whatever scrolls, the page or a part of it. */
		document.addEventListener('scroll', this.#moved, { capture: true, passive: true });
		this.#size = new ResizeObserver(() => this.refresh());
		this.#size.observe(this.node);
		this.node.addEventListener('keydown', (event) => this.#arrow(event));
	}

	get #height() {
		return parseFloat(getComputedStyle(this.node).getPropertyValue('--row')) * parseFloat(getComputedStyle(document.documentElement).fontSize);
	}

	/* How many rows there are; `fresh`: other ones than before. */
	count(count, fresh) {
		this.#count = count;
		if (fresh) for (const index of this.#rows.keys()) this.#drop(index);
		this.refresh();
	}

	/* Draws rows again that changed. */
	redraw(from, to) {
		for (const index of [...this.#rows.keys()]) if (index >= from && index < to) this.#drop(index);
		this.#now();
	}

	refresh() {
		this.node.style.setProperty('--count', String(this.#count));
		this.#now();
	}

	#soon() {
		this.#frame ||= requestAnimationFrame(() => this.#now());
	}

	#now() {
		cancelAnimationFrame(this.#frame);
		this.#frame = 0;
		const height = this.#height, { top } = this.node.getBoundingClientRect();
		if (!height || !this.node.isConnected) return;
		const first = Math.max(0, Math.floor(-top / height) - BEYOND);
		const last = Math.min(this.#count, Math.ceil((window.innerHeight - top) / height) + BEYOND);
		for (const [index, row] of this.#rows)
			if ((index < first || index >= last) && !row.contains(document.activeElement)) this.#drop(index);
		for (let index = first; index < last; index++) if (!this.#rows.has(index)) this.#put(index);
		this.#wanted(last);
	}

	#drop(index) {
		this.#rows.get(index).remove();
		this.#rows.delete(index);
	}

	/* In their order, since the keyboard goes by it. */
	#put(index) {
		const row = this.#draw(index);
		row.style.setProperty('--at', String(index));
		row.setAttribute('aria-posinset', String(index + 1));
		row.setAttribute('aria-setsize', String(this.#count));
		row.dataset.index = String(index);
		const next = [...this.node.children].find((other) => Number(other.dataset.index) > index);
		this.node.insertBefore(row, next ?? null);
		this.#rows.set(index, row);
	}

	/* Up and down go from one row's act to the next one's. */
	#arrow(event) {
		const step = { ArrowDown: 1, ArrowUp: -1 }[event.key], row = event.target.closest?.('li');
		if (!step || !row || event.target.tagName !== 'BUTTON') return;
		let there = row;
		do there = step > 0 ? there.nextElementSibling : there.previousElementSibling; while (there && !there.querySelector('button'));
		const act = there?.querySelector('button');
		if (!act) return;
		event.preventDefault();
		act.focus({ preventScroll: true });
		there.scrollIntoView({ block: 'nearest' });
	}

	close() {
		document.removeEventListener('scroll', this.#moved, { capture: true });
		this.#size.disconnect();
		cancelAnimationFrame(this.#frame);
	}
}
