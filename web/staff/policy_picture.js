/*
 * A change of rules as a picture, before it is made: of the recordings it concerns, when each ends as it is and when it would end.
 * What would be erased at once stands alone, first and in red.
 */
import { t } from '../i18n/i18n.js';
import { el } from '../ui/dom.js';
import { inWords, monthPlus } from './calendar.js';
import { asTable, barChart } from './chart.js';
import { counted } from './pager.js';
import { tile } from './states.js';

const DAY_MS = 86_400_000;
const DAYS_MOST = 31, WEEKS_MOST = 26, MONTHS_MOST = 36;

const ms = (day) => Date.parse(`${day}T00:00:00Z`);
const dayOf = (at) => new Date(at).toISOString().slice(0, 10);

/* How wide a bar's time is, so that there are neither three bars nor three hundred. */
export function grainFor(from, to) {
	const days = (ms(to) - ms(from)) / DAY_MS + 1;
	return days <= DAYS_MOST ? 'day' : days <= WEEKS_MOST * 7 ? 'week' : days <= MONTHS_MOST * 30.5 ? 'month' : 'year';
}

const STARTS = {
	day: { first: (day) => day, next: (day) => dayOf(ms(day) + DAY_MS) },
	week: { first: (day) => day, next: (day) => dayOf(ms(day) + 7 * DAY_MS) },
	month: { first: (day) => `${day.slice(0, 7)}-01`, next: (day) => `${monthPlus(day.slice(0, 7), 1)}-01` },
	year: { first: (day) => `${day.slice(0, 4)}-01-01`, next: (day) => `${Number(day.slice(0, 4)) + 1}-01-01` },
};

function nameOf(grain, day) {
	if (grain === 'week') return t('picture.week', { day: inWords(day, { dateStyle: 'long' }) });
	return inWords(day, { day: { dateStyle: 'long' }, month: { month: 'long', year: 'numeric' }, year: { year: 'numeric' } }[grain]);
}

const SHORT = { day: { day: 'numeric' }, week: { day: 'numeric', month: 'numeric' }, month: { month: 'narrow' }, year: { year: 'numeric' } };
const MIDDLE = { day: { day: 'numeric', month: 'short' }, week: { day: 'numeric', month: 'short' }, month: { month: 'short' }, year: { year: 'numeric' } };

/*
 * [{key, name, short, middle, values: [before, after], tone?}]: first what is erased at once, then what would be but for a hold, then bars of one grain. `seen` is a preview:
 * `days` and `days_before` count [{day, count}]; what goes at once (or would, but for a hold) stands on its day among the others.
 */
export function pictureOf(seen) {
	const today = seen.as_of.slice(0, 10), now = seen.at_once + seen.held;
	const after = seen.days.map(({ day, count }) => ({ day, count: day === today ? count - now : count }));
	const before = seen.days_before ?? [];
	const last = [...after, ...before].reduce((most, { day }) => (day > most ? day : most), today);
	const grain = grainFor(today, last), { first, next } = STARTS[grain];
	const buckets = [];
	for (let day = first(today); day <= last; day = next(day))
		buckets.push({ key: day, name: nameOf(grain, day), short: inWords(day, SHORT[grain]), middle: inWords(day, MIDDLE[grain]), values: [0, 0] });
	const put = (days, i) => days.forEach(({ day, count }) => {
		const bucket = buckets.findLast(({ key }) => key <= day);
		if (bucket) bucket.values[i] += count;
	});
	put(before, 0);
	put(after, 1);
	const alone = [{ key: 'now', name: t('picture.now'), short: t('picture.nowShort'), middle: t('picture.now'), values: [0, seen.at_once], tone: 'late' }];
	if (seen.held) alone.push({ key: 'held', name: t('picture.held'), short: t('picture.heldShort'), middle: t('picture.held'), values: [0, seen.held], tone: 'soon' });
	return { grain, buckets: [...alone, ...buckets] };
}

function tiles(seen) {
	const shorter = seen.total - seen.at_once - seen.held;
	return el('div', { class: 'tiles' },
		tile({ key: 'picture.atOnce', value: counted(seen.at_once), tone: seen.at_once ? 'late' : undefined, hint: 'picture.atOnceHint', test: 'picture-at-once' }),
		tile({ key: 'picture.shorter', value: counted(shorter), hint: 'picture.shorterHint', test: 'picture-shorter' }),
		tile({ key: 'picture.held', value: counted(seen.held), tone: seen.held ? 'soon' : undefined, hint: 'picture.heldHint', test: 'picture-held' }),
		tile({ key: 'picture.unchanged', value: counted(seen.unchanged ?? 0), hint: 'picture.unchangedHint', test: 'picture-unchanged' }));
}

export function policyPicture(seen) {
	if (!seen.total) return [tiles(seen), el('p', { class: 'empty', t: 'policy.nobody', test: 'policy-nobody' })];
	const { buckets } = pictureOf(seen);
	const series = [{ name: t('picture.before'), tone: 'ghost' }, { name: t('picture.after'), tone: 'a' }];
	return [tiles(seen), barChart({ label: t('picture.label', { total: counted(seen.total) }), buckets, series, stacked: false, test: 'picture-bar' }),
		asTable([t('picture.when'), t('picture.before'), t('picture.after')], buckets.map(({ name, values }) => [name, ...values.map(counted)]), 'policy-day')];
}
