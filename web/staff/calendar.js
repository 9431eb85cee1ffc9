/* One month as a calendar, weeks from Monday: each day on which something happens is a button with its count. */
import { currentLanguage, t } from '../i18n/i18n.js';
import { el, plain } from '../ui/dom.js';

const two = (n) => String(n).padStart(2, '0');
const utc = (text) => new Date(`${text}T12:00:00Z`);

export function inWords(text, options) {
	return new Intl.DateTimeFormat(currentLanguage(), { timeZone: 'UTC', ...options }).format(utc(text.length === 7 ? `${text}-01` : text));
}

/* "2026-12" and a number of months further on. */
export function monthPlus(month, n) {
	const [year, number] = month.split('-').map(Number);
	const all = year * 12 + number - 1 + n;
	return `${Math.floor(all / 12)}-${two((all % 12) + 1)}`;
}

/* The days of a month in weeks; what is of another month is null. */
export function weeksOf(month) {
	const [year, number] = month.split('-').map(Number);
	const length = new Date(Date.UTC(year, number, 0)).getUTCDate();
	const before = (utc(`${month}-01`).getUTCDay() + 6) % 7;
	const cells = [...Array(before).fill(null), ...Array.from({ length }, (_, i) => `${month}-${two(i + 1)}`)];
	while (cells.length % 7) cells.push(null);
	return Array.from({ length: cells.length / 7 }, (_, i) => cells.slice(i * 7, i * 7 + 7));
}

/* 1 to 4: how much of the fullest day. */
export function heat(count, most) {
	return Math.min(4, Math.max(1, Math.ceil((4 * count) / Math.max(1, most))));
}

function cell(day, { counts, most, picked, pick, today }) {
	if (!day) return el('td', { class: 'other' });
	const count = counts.get(day) ?? 0, number = String(Number(day.slice(8)));
	const here = day === today && 'date';
	if (!count) return plain('td', number, { class: 'idle', 'aria-current': here });
	const button = el('button', { type: 'button', class: `day heat-${heat(count, most)}`, test: 'expiry-day', 'data-day': day, 'aria-pressed': String(day === picked) },
		plain('strong', count));
	button.setAttribute('aria-label', t('chart.bar', { name: inWords(day, { dateStyle: 'full' }), count }));
	button.addEventListener('click', () => pick(day));
	/* The number stands over the button, which says the whole date. */
	return el('td', { 'aria-current': here }, button, plain('span', number, { class: 'day-number', 'aria-hidden': 'true' }));
}

/* `counts`: Map from day to count. */
export function monthCalendar(month, options) {
	const most = Math.max(0, ...[...options.counts].filter(([day]) => day.startsWith(month)).map(([, n]) => n));
	const days = ['2024-01-01', '2024-01-02', '2024-01-03', '2024-01-04', '2024-01-05', '2024-01-06', '2024-01-07']; /* a Monday and on */
	const head = el('tr', {}, ...days.map((day) => plain('th', inWords(day, { weekday: 'short' }), { scope: 'col' })));
	const body = weeksOf(month).map((week) => el('tr', {}, ...week.map((day) => cell(day, { ...options, most }))));
	return el('table', { class: 'calendar', test: 'expiry-calendar' }, plain('caption', inWords(month, { month: 'long', year: 'numeric' })),
		el('thead', {}, head), el('tbody', {}, ...body));
}
