/* A clock that runs towards a date: how much of it is over, and what is left in words. */
import { el } from '../ui/dom.js';
import { svg } from './chart.js';

const DAY_MS = 86_400_000, HOUR_MS = 3_600_000;
const SOON = 7;

export const daysLeft = (due, now = Date.now()) => Math.floor((new Date(due) - now) / DAY_MS);

const midnight = (time) => new Date(time).setHours(0, 0, 0, 0);

/* What "tomorrow" means beside a date: midnights between now and then where the reader is. A day may have 23 or 25 hours. */
export const nightsUntil = (time, now = Date.now()) => Math.round((midnight(time) - midnight(now)) / DAY_MS);

/* late, soon or calm. */
export function urgency(due, now = Date.now()) {
	const days = daysLeft(due, now);
	return days < 0 ? 'late' : days < SOON ? 'soon' : 'calm';
}

/* 0 to 1. */
export function elapsed(from, due, now = Date.now()) {
	const all = new Date(due) - new Date(from);
	return all > 0 ? Math.min(1, Math.max(0, (now - new Date(from)) / all)) : 1;
}

function lateInWords(late) {
	if (late < HOUR_MS) return ['clock.lateNow'];
	return late < 2 * DAY_MS ? ['clock.lateHours', { hours: Math.floor(late / HOUR_MS) }] : ['clock.late', { days: Math.floor(late / DAY_MS) }];
}

export function leftInWords(due, now = Date.now()) {
	const left = new Date(due) - now, days = daysLeft(due, now), hours = Math.floor(left / HOUR_MS);
	if (left < 0) return lateInWords(-left);
	if (hours < 1) return ['clock.lastHour'];
	return days < 2 ? ['clock.hours', { hours }] : ['clock.days', { days }];
}

/* The words say it; the bar is for the eye. */
export function clock(from, due, { test, now = Date.now() } = {}) {
	const width = Math.round(100 * elapsed(from, due, now)), tone = urgency(due, now);
	const bar = svg('svg', { class: 'clock-bar', viewBox: '0 0 100 6', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
		svg('rect', { class: 'clock-all', width: 100, height: 6 }), svg('rect', { class: `clock-run tone-${tone}`, width, height: 6 }));
	return el('span', { class: tone === 'calm' ? 'due-clock' : 'due-clock late', 'data-tone': tone }, el('span', { t: leftInWords(due, now), test }), bar);
}
