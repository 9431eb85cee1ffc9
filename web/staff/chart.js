/*
 * Bars over time, drawn as SVG: stacked by series, or side by side. Each bar is a button (or, without `pick`, a picture) that says
 * its numbers; arrow keys go from one to the next, one stop of the Tab key for all. Beside every chart stands the same as a table.
 */
import { t } from '../i18n/i18n.js';
import { el, plain } from '../ui/dom.js';

const SVG = 'http://www.w3.org/2000/svg';
const HEIGHT = 220, TOP = 14, FOOT = 28, LEFT = 38, NARROW = 44;

export function svg(tag, attributes = {}, ...children) {
	const node = document.createElementNS(SVG, tag);
	for (const [name, value] of Object.entries(attributes))
		if (value !== undefined && value !== null && value !== false) node.setAttribute(name, String(value));
	node.append(...children.filter(Boolean));
	return node;
}

/* The first of 1, 2, 5, 10, 20 … at which `most` is within `lines` steps. */
export function stepFor(most, lines = 4) {
	for (let power = 1; ; power *= 10)
		for (const digit of [1, 2, 5]) if (digit * power * lines >= most) return digit * power;
}

const sum = (values) => values.reduce((all, one) => all + one, 0);

function words(bucket, series, number) {
	const parts = series.length > 1 ? bucket.values.map((n, i) => (n ? `${series[i].name} ${number(n)}` : null)).filter(Boolean) : [];
	return parts.length ? t('chart.barOf', { name: bucket.name, count: number(sum(bucket.values)), parts: parts.join(', ') })
		: t('chart.bar', { name: bucket.name, count: number(sum(bucket.values)) });
}

function columns(bucket, at, { slot, scale, series, stacked }) {
	const gap = Math.min(14, slot * 0.24), width = Math.max(3, slot - gap), base = HEIGHT - FOOT;
	let low = base;
	const each = stacked ? width : width / series.length;
	return bucket.values.map((n, i) => {
		if (!n) return null;
		const height = Math.max(2, n * scale), y = stacked ? low - height : base - height;
		low = stacked ? y : low;
		return svg('rect', { class: `bar-part tone-${bucket.tone ?? series[i].tone}`, x: at + gap / 2 + (stacked ? 0 : i * each), y, width: Math.max(2, each - (stacked ? 0 : 1)),
			height, rx: Math.min(3, each / 3) });
	});
}

function grid(step, most, scale, width, number) {
	const lines = [];
	for (let n = 0; n <= most; n += step) {
		const y = HEIGHT - FOOT - n * scale;
		const label = svg('text', { class: 'chart-number', x: LEFT - 8, y: y + 4, 'text-anchor': 'end' });
		label.textContent = number(n);
		lines.push(svg('line', { class: n ? 'chart-line' : 'chart-base', x1: LEFT, x2: width, y1: y, y2: y }), label);
	}
	return svg('g', { 'aria-hidden': 'true' }, ...lines);
}

/* Beside the bars, not in them: what a bar is called says the name in full. */
function names(buckets, { slot, picked }) {
	return svg('g', { 'aria-hidden': 'true' }, ...buckets.map((bucket, i) => {
		const name = svg('text', { class: bucket.key === picked ? 'chart-name picked' : 'chart-name', x: LEFT + (i + 0.5) * slot, y: HEIGHT - 9, 'text-anchor': 'middle' });
		name.textContent = slot < NARROW ? bucket.short : bucket.middle ?? bucket.short;
		return name;
	}));
}

/* One stop for all; the arrows move it. */
function rove(bars) {
	const go = (i) => {
		bars.forEach((bar, k) => bar.setAttribute('tabindex', k === i ? '0' : '-1'));
		bars[i].focus();
	};
	bars.forEach((bar, i) => bar.addEventListener('keydown', (event) => {
		const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: bars.length - 1 }[event.key];
		if (to === undefined || !bars[to]) return;
		event.preventDefault();
		go(to);
	}));
}

function bar(bucket, i, options) {
	const { slot, series, pick, picked, number, tell } = options;
	const at = LEFT + i * slot, said = words(bucket, series, number);
	const group = svg('g', { class: 'chart-bar', role: pick ? 'button' : 'img', 'aria-label': said, 'data-key': bucket.key, 'data-count': sum(bucket.values),
		'data-testid': options.test, 'aria-pressed': pick && String(picked === bucket.key), tabindex: pick && (i === options.stop ? '0' : '-1') },
	svg('rect', { class: 'chart-hit', x: at, y: 0, width: slot, height: HEIGHT, rx: 6 }), ...columns(bucket, at, options));
	for (const event of ['pointerenter', 'focus']) group.addEventListener(event, () => tell(said));
	for (const event of ['pointerleave', 'blur']) group.addEventListener(event, () => tell(''));
	if (pick) {
		const choose = () => pick(bucket.key);
		group.addEventListener('click', choose);
		group.addEventListener('keydown', (event) => {
			if (event.key !== 'Enter' && event.key !== ' ') return;
			event.preventDefault();
			choose();
		});
	}
	return group;
}

export function legend(series) {
	return el('ul', { class: 'legend' }, ...series.map(({ name, tone }) => el('li', {}, el('span', { class: `swatch tone-${tone}`, 'aria-hidden': 'true' }), plain('span', name))));
}

/*
 * `buckets`: [{key, name, short, middle?, values: [a number per series], tone?}]; `series`: [{name, tone}]; `label`: what the whole
 * shows, in words. `pick(key)` is told which bar is chosen, `picked` which one is. Answers a figure, drawn anew to its width.
 */
export function barChart({ label, buckets, series, stacked = true, pick, picked, test }) {
	const format = new Intl.NumberFormat(document.documentElement.lang);
	const number = (n) => format.format(n);
	const tip = el('p', { class: 'chart-tip', 'aria-hidden': 'true' });
	const place = el('div', { class: 'chart-place' });
	const stop = Math.max(0, buckets.findIndex(({ key, values }) => (picked ? key === picked : sum(values) > 0)));
	const most = Math.max(1, ...buckets.map(({ values }) => (stacked ? sum(values) : Math.max(...values))));
	const step = stepFor(most), full = Math.ceil(most / step) * step;
	const draw = () => {
		const width = Math.max(280, place.clientWidth || 720), slot = (width - LEFT) / buckets.length;
		const scale = (HEIGHT - TOP - FOOT) / full;
		const options = { slot, scale, series, stacked, pick, picked, number, stop, test, tell: (said) => (tip.textContent = said) };
		const bars = buckets.map((bucket, i) => bar(bucket, i, options));
		if (pick) rove(bars);
		const drawn = svg('svg', { class: 'chart-svg', viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: 'group', 'aria-label': label },
			grid(step, full, scale, width, number), ...bars, names(buckets, options));
		const held = place.contains(document.activeElement) ? document.activeElement.dataset.key : null;
		place.replaceChildren(drawn);
		if (held) bars.find((one) => one.dataset.key === held)?.focus();
	};
	let drawnAt = -1;
	new ResizeObserver(() => {
		if (Math.abs(place.clientWidth - drawnAt) < 2) return;
		drawnAt = place.clientWidth;
		draw();
	}).observe(place);
	draw();
	return el('figure', { class: 'chart' }, series.length > 1 ? legend(series) : null, place, tip);
}

/* The same numbers for whoever reads tables; closed at first. */
export function asTable(columns_, rows, test) {
	const head = el('tr', {}, ...columns_.map((name) => plain('th', name, { scope: 'col' })));
	const body = rows.map((cells) => el('tr', { test }, ...cells.map((cell, i) => (i ? plain('td', cell, { class: 'number' }) : plain('th', cell, { scope: 'row' })))));
	return el('details', { class: 'as-table' }, el('summary', { t: 'chart.asTable' }),
		el('div', { class: 'table plain', role: 'region', tabindex: '0', label: 'chart.asTable' }, el('table', {}, el('thead', {}, head), el('tbody', {}, ...body))));
}
