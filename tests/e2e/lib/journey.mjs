/*
 * What every journey through the pages does at each view: a picture of it kept as test output, axe in both languages, in the
 * dark and on a phone, and what the first page costs. Works on pages of Playwright, on frames, and (shot, inLanguage, axe) on
 * pages of puppeteer's Firefox. Needs no instance: the stand-ins of pages/mock*.mjs serve as well.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { built, until } from './instance.mjs';

export const LANGUAGES = ['fr', 'en'];
/* Pictures are output of the tests, beside the programs under test, never in the tree. */
export const SHOTS = process.env.APARTE_SHOTS ?? join(dirname(built), 'screenshots');

const AXE = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/* What depends on colours and sizes alone: enough for a second look at the same view. */
const LOOK_RULES = ['color-contrast', 'target-size', 'link-in-text-block', 'scrollable-region-focusable'];
const PHONE = { width: 360, height: 740 };

/* Writes <folder>/<name>-<language>.png; the language is the page's own unless given. */
export async function shot(page, name, lang, options = {}) {
	lang ??= await page.evaluate(() => document.documentElement.lang);
	mkdirSync(SHOTS, { recursive: true });
	await page.screenshot({ path: join(SHOTS, `${name}-${lang}.png`), caret: 'initial', animations: 'disabled', ...options });
}

/*
 * What axe finds, one line for each rule broken; [] is clean. Runs in the page's own world through the debugger, which the CSP
 * does not bar. `rules`: only these.
 */
export async function axe(page, rules) {
	if (!await page.evaluate(() => Boolean(window.axe))) await page.evaluate(AXE);
	const only = rules ? { type: 'rule', values: rules } : { type: 'tag', values: RULES };
	const violations = await page.evaluate(async (runOnly) => {
		const found = await window.axe.run(document, { runOnly, resultTypes: ['violations'] });
		return found.violations.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ target, any }) => [String(target), any[0]?.message ?? '']) }));
	}, only);
	return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.join(' ')).join(' | ')}`);
}

/* Changes the language by the page's own switch, also from under a dialog, and waits until nothing loads. */
export async function inLanguage(page, lang) {
	await page.evaluate(async (wanted) => {
		const button = document.querySelector(`[data-testid="language-${wanted}"]`);
		if (button) button.click();
		else (await import('/web/i18n/i18n.js')).chooseLanguage(wanted);
	}, lang);
	/* Not waitForFunction: a page's policy may forbid it to make functions of text. */
	await until(`quiet in ${lang}`, () => page.evaluate((wanted) =>
		document.documentElement.lang === wanted && !document.querySelector('[aria-busy="true"]'), lang), 15000, 50);
}

/* What can only be scrolled to sideways: a line, or none. */
async function tooWide(page) {
	const by = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
	return by > 0 ? [`${by} px wider than the window`] : [];
}

async function withLook(page, { viewport, scheme }, run) {
	const before = page.viewportSize();
	const was = await page.evaluate(() => (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'));
	if (viewport) await page.setViewportSize(viewport);
	if (scheme) await page.emulateMedia({ colorScheme: scheme });
	try {
		return await run();
	} finally {
		if (viewport) await page.setViewportSize(before);
		if (scheme) await page.emulateMedia({ colorScheme: was });
	}
}

/*
 * One view of a journey, looked at from all sides: in both languages, then dark, then on a phone of 360 px and there in the
 * language with the longer words. Keeps a picture of each and answers what is wrong, each line with where it was seen:
 * assert.deepEqual(await everyLook(page, 'call-lobby'), []). Leaves the page as it was found.
 *
 * options: looks (default ['dark', 'phone']), languages (default both), shot (options of page.screenshot)
 */
export async function everyLook(page, name, { looks = ['dark', 'phone'], languages = LANGUAGES, shot: options } = {}) {
	const first = await page.evaluate(() => document.documentElement.lang);
	const found = [];
	const note = (where, lines) => found.push(...lines.map((line) => `${name} ${where}: ${line}`));
	const endingInFirst = [...languages].sort((a, b) => (a === first) - (b === first));
	for (const lang of endingInFirst) {
		await inLanguage(page, lang);
		note(lang, [...await axe(page), ...await tooWide(page)]);
		await shot(page, name, lang, options);
	}
	const kinds = { dark: { scheme: 'dark' }, phone: { viewport: PHONE } };
	for (const look of looks) {
		await withLook(page, kinds[look], async () => {
			note(look, [...await axe(page, LOOK_RULES), ...await tooWide(page)]);
			await shot(page, `${name}-${look}`, undefined, options);
		});
	}
	return found;
}

/*
 * The cost of a first visit: opens `url` in a context of its own with an empty cache and answers {bytes, requests, interactive,
 * whole}: what had come over the wire (as sent: compressed, with headers) when the element matching `ready` could be used, and
 * when that was in ms since the navigation began: it is there, enabled, and no long task holds the page up. `whole`: the
 * bytes once nothing more is fetched ahead either.
 */
export async function firstVisit(browser, url, ready, options = {}) {
	const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
	const page = await context.newPage();
	await page.addInitScript((selector) => {
		window.longTaskEnd = 0;
		new PerformanceObserver((list) => list.getEntries().forEach(({ startTime, duration }) => {
			if (!window.usableAt) window.longTaskEnd = startTime + duration;
		})).observe({ type: 'longtask', buffered: true });
		const look = () => {
			const node = document.querySelector(selector);
			if (node && !node.disabled && node.getClientRects().length) window.usableAt = performance.now();
			else requestAnimationFrame(look);
		};
		requestAnimationFrame(look);
	}, ready);
	const wire = await context.newCDPSession(page);
	await wire.send('Network.enable');
	const came = [];
	let began; /* on the browser's own clock, s */
	wire.on('Network.requestWillBeSent', ({ timestamp }) => (began ??= timestamp));
	wire.on('Network.loadingFinished', ({ timestamp, encodedDataLength }) => came.push({ at: (timestamp - began) * 1000, bytes: encodedDataLength }));
	try {
		await page.goto(url);
		await until('usable', () => page.evaluate(() => window.usableAt > 0));
		const interactive = await page.evaluate(() => Math.round(Math.max(window.usableAt, window.longTaskEnd)));
		await until('quiet', () => came.length > 0 && (came.at(-1).looks = (came.at(-1).looks ?? 0) + 1) > 3);
		const first = came.filter(({ at }) => at <= interactive);
		const sum = (all) => all.reduce((total, { bytes }) => total + bytes, 0);
		return { bytes: sum(first), requests: first.length, interactive, whole: sum(came) };
	} finally {
		await context.close();
	}
}

/* The best of a few first visits: what the page costs, not what else the machine has to do meanwhile. Ends early below `within` ms. */
export async function bestVisit(browser, url, ready, within, options = {}) {
	let best;
	for (let i = 0; i < 5 && !(best?.interactive < within); i++) {
		const visit = await firstVisit(browser, url, ready, options);
		if (!best || visit.interactive < best.interactive) best = visit;
	}
	return best;
}
