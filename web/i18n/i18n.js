/*
 * Words by key. A catalogue is a flat object; {name} in a text is a value. The language is the person's choice of
 * before, else the one asked for, else the browser's, else French.
 */
const catalogues = { fr: {}, en: {} };
export const languages = Object.keys(catalogues);

const KEPT = 'aparte/language';
let language = 'fr';
const listeners = new Set();

function known(candidate) {
	const short = String(candidate ?? '').slice(0, 2).toLowerCase();
	return languages.includes(short) ? short : null;
}

/* Each kind of page brings its own words: person.js, all.js. */
export function addWords(lang, ...words) {
	Object.assign(catalogues[lang], ...words);
}

export function currentLanguage() {
	return language;
}

export function onLanguage(listener) {
	listeners.add(listener);
}

function apply(next) {
	language = next;
	document.documentElement.lang = next;
	for (const listener of listeners) listener(next);
}

/* `asked`: what the platform says of the person; their own choice on this device counts more. */
export function startLanguage(asked) {
	apply(known(localStorage.getItem(KEPT)) ?? known(asked) ?? navigator.languages.map(known).find(Boolean) ?? 'fr');
}

export function chooseLanguage(next) {
	localStorage.setItem(KEPT, next);
	apply(known(next) ?? 'fr');
}

export function t(key, values) {
	const text = catalogues[language][key];
	if (text === undefined) return key;
	return values ? text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '') : text;
}

/* A word for a value the server names ("reason.paused"), or a general one for values of tomorrow. */
export function tOr(key, fallback) {
	return key in catalogues[language] ? key : fallback;
}

export function formatDate(value) {
	if (!value) return '—';
	return new Intl.DateTimeFormat(language, { dateStyle: 'long', timeStyle: 'short' }).format(new Date(value));
}

export function formatDay(value) {
	return value ? new Intl.DateTimeFormat(language, { dateStyle: 'long' }).format(new Date(value)) : '—';
}

/* A shorter one, for rows. */
export function formatMoment(value) {
	return value ? new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(value)) : '—';
}

export function formatShortDay(value) {
	return value ? new Intl.DateTimeFormat(language, { dateStyle: 'medium' }).format(new Date(value)) : '—';
}

/* The time of day alone. */
export function formatTime(value) {
	return value ? new Intl.DateTimeFormat(language, { timeStyle: 'short' }).format(new Date(value)) : '—';
}

/* 3725 → 1:02:05 */
export function formatSeconds(total) {
	const whole = Math.max(0, Math.floor(total || 0));
	const two = (n) => String(n).padStart(2, '0');
	const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
	return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
