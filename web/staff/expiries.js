/*
 * What expires when: the months ahead as bars by policy, a month as a calendar, a day's recordings as a list. What should have
 * ended and is kept by a hold or a restriction is told apart.
 */
import { formatDate, t, tOr } from '../i18n/i18n.js';
import { list } from '../ui/api.js';
import { el, plain, replace } from '../ui/dom.js';
import { inWords, monthCalendar, monthPlus } from './calendar.js';
import { asTable, barChart } from './chart.js';
import { counted, paged, pagesOf } from './pager.js';
import { partFailure, skeleton } from './states.js';

const AHEAD = [12, 24, 36], TONES = ['a', 'b', 'c', 'd'];
const SOON_MS = 7 * 86_400_000;

const monthOf = (day) => day.slice(0, 7);
const today = () => new Date().toISOString().slice(0, 10);

/* The policies with most recordings each have a colour, all others share one. {names, toneOf, seriesOf} */
export function seriesFor(days) {
	const counts = new Map();
	for (const { policy, count } of days) counts.set(policy, (counts.get(policy) ?? 0) + count);
	const ranked = [...counts].sort((x, y) => y[1] - x[1]).map(([policy]) => policy);
	const own = ranked.length <= TONES.length ? ranked : ranked.slice(0, TONES.length - 1);
	const series = own.map((name, i) => ({ name, tone: TONES[i] }));
	if (own.length < ranked.length) series.push({ name: t('expiry.otherPolicies'), tone: TONES.at(-1) });
	return { series: series.length ? series : [{ name: t('expiry.count'), tone: 'a' }], indexOf: (policy) => (own.includes(policy) ? own.indexOf(policy) : series.length - 1) };
}

export function bucketsOf(days, first, months) {
	const { series, indexOf } = seriesFor(days);
	const buckets = Array.from({ length: months }, (_, i) => {
		const key = monthPlus(first, i);
		return { key, name: inWords(key, { month: 'long', year: 'numeric' }), middle: inWords(key, { month: 'short' }), short: inWords(key, { month: 'narrow' }),
			values: series.map(() => 0) };
	});
	const byKey = new Map(buckets.map((bucket) => [bucket.key, bucket]));
	for (const { day, policy, count } of days) {
		const bucket = byKey.get(monthOf(day));
		if (bucket) bucket.values[indexOf(policy)] += count;
	}
	return { buckets, series };
}

const sum = (values) => values.reduce((all, one) => all + one, 0);

/* The picture in one sentence. */
function summary({ days, after }, buckets, months) {
	const total = sum(days.map(({ count }) => count)), now = Date.now();
	const soon = sum(days.filter(({ day }) => day >= today() && new Date(day) - now < SOON_MS).map(({ count }) => count));
	if (!total) return el('p', { t: ['expiry.nothing', { months, after: counted(after) }], test: 'expiry-summary' });
	const fullest = buckets.reduce((most, bucket) => (sum(bucket.values) > sum(most.values) ? bucket : most));
	return el('p', { test: 'expiry-summary', t: ['expiry.summary', { total: counted(total), months, soon: counted(soon), month: fullest.name, most: counted(sum(fullest.values)),
		after: counted(after) }] });
}

/* The day as the bars and the calendar count it, which is the vault's (UTC); the moment where the reader is stands behind it. */
function row(one) {
	const state = el('span', { class: `state state-${one.state}`, t: tOr(`state.${one.state}`, 'state.other') });
	return [el('span', { class: 'two' }, plain('strong', one.reference || one.id.slice(0, 8), { title: one.id }), plain('span', `${one.tenant} · ${one.policy}`, { class: 'hint' })),
		plain('span', inWords(one.expires.slice(0, 10), { dateStyle: 'long' }), { title: formatDate(one.expires) }),
		el('span', { class: 'row' }, state, one.held ? el('span', { class: 'state state-warn', t: 'expiry.kept' }) : null)];
}

const COLUMNS = ['hold.recording', 'expiry.ends', 'hold.stateName'];

function periodName(period) {
	if (period === 'before') return t('expiry.keptTitle');
	return inWords(period, period.length === 7 ? { month: 'long', year: 'numeric' } : { dateStyle: 'full' });
}

/* The recordings of a day, a month, or of those kept past their end. */
async function recordingsOf({ api }, period) {
	const path = `/v1/expiries/${period}`, answer = await api.get(path);
	return el('section', { class: 'stack', test: 'expiry-list', 'data-period': period }, plain('h3', periodName(period)),
		paged({ items: list(answer, 'recordings'), row, columns: COLUMNS, test: 'expiry-row', label: 'expiry.list', none: 'expiry.none', next: answer.next,
			fetchMore: pagesOf(api, path, 'recordings'), textOf: (one) => `${one.reference ?? ''} ${one.id} ${one.tenant} ${one.policy}` }));
}

function rangeChoice(months, choose) {
	const select = el('select', { label: 'expiry.range', class: 'compact', test: 'expiry-range' }, ...AHEAD.map((n) => el('option', { value: String(n), t: ['expiry.months', { n }] })));
	select.value = String(months);
	select.addEventListener('change', () => choose(Number(select.value)));
	return select;
}

function table(buckets, series) {
	return asTable([t('expiry.month'), ...(series.length > 1 ? series.map(({ name }) => name) : []), t('expiry.count')],
		buckets.map(({ name, values }) => [name, ...(series.length > 1 ? values.map(counted) : []), counted(sum(values))]), 'expiry-month');
}

/* The body of the card; draws itself anew when another range or bar is chosen. */
export function expiries(context) {
	const body = el('div', { class: 'stack', test: 'expiries' }), detail = el('div', { class: 'stack' });
	let months = AHEAD[0], turn = 0, counts = new Map();

	const show = async (period, month) => {
		const mine = ++turn;
		const place = el('div', { class: 'stack' }, skeleton(2));
		const calendar = month ? monthCalendar(month, { counts, picked: period, today: today(), pick: (day) => show(day, month) }) : null;
		const held = detail.contains(document.activeElement) ? document.activeElement.dataset.day : null;
		replace(detail, calendar ? el('div', { class: 'split' }, el('div', {}, calendar), place) : place);
		if (held) detail.querySelector(`[data-day="${held}"]`)?.focus();
		const shown = await recordingsOf(context, period).catch((error) => partFailure(error, () => show(period, month)));
		if (mine === turn) replace(place, shown);
	};

	const draw = (answer, picked) => {
		const first = monthOf(answer.from), days = list(answer, 'days');
		const { buckets, series } = bucketsOf(days, first, months);
		counts = new Map();
		for (const { day, count } of days) counts.set(day, (counts.get(day) ?? 0) + count);
		const pick = (key) => {
			draw(answer, key);
			body.querySelector(`.chart-bar[data-key="${key}"]`)?.focus();
			show(key, key);
		};
		const kept = answer.before ? el('button', { type: 'button', class: 'small warn', test: 'expiry-kept', t: ['expiry.keptCount', { n: counted(answer.before) }],
			on: { click: () => show('before', null) } }) : null;
		replace(body, el('div', { class: 'row between' }, summary({ days, after: answer.after }, buckets, months), el('div', { class: 'row' }, kept, rangeChoice(months, choose))),
			barChart({ label: t('expiry.chart', { months }), buckets, series, pick, picked, test: 'expiry-bar' }), table(buckets, series), detail);
	};

	const choose = async (n) => {
		months = n;
		replace(detail);
		await load().catch((error) => replace(body, partFailure(error, () => choose(n))));
	};
	const load = async () => {
		const first = monthOf(today());
		draw(await context.api.get(`/v1/expiries?from=${first}-01&to=${monthPlus(first, months)}-01`), null);
		return body;
	};
	return load();
}

