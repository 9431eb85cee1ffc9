/*
 * A coach and a coachee through a whole session on the real processes, each view looked at in both languages: the first visit
 * weighed, lobby, notice and decision, the recorded call, off the record, leaving, one's own data, watching, withdrawing.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openBrowser, openPage } from './lib/browser.mjs';
import { Instance, until } from './lib/instance.mjs';
import { axe, bestVisit, everyLook, shot } from './lib/journey.mjs';
import { enterCall, hook, waitGate } from './lib/pages.mjs';
import { usePortrait } from './lib/portrait.mjs';

const BUDGET = { bytes: 150_000, interactive: 1000 };
const PEOPLE = { coach: { id: 'c-1', name: 'Claire Moreau', locale: 'fr' }, coachee: { id: 'p-1', name: 'Sam Okafor', locale: 'en' } };
let instance, browser, session;
const pages = {};

before(async () => {
	instance = await Instance.start({ config: { 'gateway.rate_per_minute': 100000 } });
	browser = await openBrowser(null, ['--disable-features=WebRtcHideLocalIpsWithMdns']);
	session = await instance.session({ reference: 'b-1042', ...PEOPLE });
});
after(async () => {
	await browser?.close();
	await instance?.stop();
});

async function arrive(role, options) {
	const page = await openPage(browser, 'about:blank', { reducedMotion: 'reduce', permissions: ['camera', 'microphone'], ...options });
	await usePortrait(page, role);
	await page.goto(session.parties[role].join_url);
	await page.waitForSelector(hook('join-start'));
	return (pages[role] = page);
}

const recorded = async () => (await instance.platform('GET', `/v1/sessions/${session.id}`)).body.recordings[0];
const each = (act) => Promise.all(Object.values(pages).map(act));
const sees = (page) => until('the other', () => page.evaluate((css) => document.querySelector(css).dataset.peer === 'on', '.stage'), 30000);

test('the first page is light and soon usable', async (t) => {
	const cost = await bestVisit(browser, session.parties.coach.join_url, hook('join-start'), BUDGET.interactive,
		{ permissions: ['camera', 'microphone'] });
	t.diagnostic(`${cost.bytes} bytes in ${cost.requests} answers, usable after ${cost.interactive} ms; ${cost.whole} with what is fetched ahead`);
	assert.ok(cost.bytes < BUDGET.bytes, `${cost.bytes} bytes`);
	assert.ok(cost.interactive < BUDGET.interactive, `${cost.interactive} ms`);
});

test('R33 lobby: each sees and hears themselves, and whether the other is there', async () => {
	const coach = await arrive('coach');
	assert.deepEqual(await everyLook(coach, 'call-lobby-coach'), []);
	await enterCall(coach);
	assert.match(await coach.innerText(hook('placeholder')), /En attente de Sam Okafor/);
	await shot(coach, 'call-waiting-coach');
	const coachee = await arrive('coachee', { locale: 'en-GB', viewport: { width: 1600, height: 900 } });
	await coachee.waitForSelector(`${hook('company')}[data-here="true"]`);
	assert.match(await coachee.innerText(hook('company')), /Claire Moreau is already there/);
	await shot(coachee, 'call-lobby-coachee');
	await enterCall(coachee);
	await each(sees);
});

test('R1 R3 R5 the notice, one decision for each purpose, and the recorded call', async () => {
	const { coach, coachee } = pages;
	assert.deepEqual(await everyLook(coach, 'call-consent-coach'), []);
	await shot(coachee, 'call-consent-coachee');
	for (const page of [coach, coachee]) {
		await page.check(hook('consent-purpose-recording'));
		await page.click(hook('consent-accept'));
		await page.waitForSelector(`${hook('receipt-status')}[data-verified="true"]`);
		await page.click(hook('close-panel'));
	}
	await each((page) => waitGate(page, 'open', 30000));
	assert.deepEqual(await everyLook(coach, 'call-recorded-coach'), []);
	await shot(coachee, 'call-recorded-coachee');
});

test('R31 off the record in one click, for both; both resume', async () => {
	const { coach, coachee } = pages;
	await coachee.click(hook('pause'));
	await each((page) => waitGate(page, 'closed'));
	await until('told', async () => (await coach.innerText(hook('gate-state'))).includes('Hors enregistrement'));
	assert.deepEqual(await everyLook(coach, 'call-paused-coach', { looks: ['phone'] }), []);
	await each((page) => page.click(hook('resume')));
	await each((page) => waitGate(page, 'open', 30000));
});

test('R12 R38 afterwards: receipts verified, the recording plays as it comes and its viewing is listed', async () => {
	const { coach, coachee } = pages;
	await each((page) => page.click(hook('leave')));
	assert.equal((await instance.platform('DELETE', `/v1/sessions/${session.id}`)).status, 204);
	await until('sealed', async () => (await recorded()).state === 'sealed', 30000);
	await coach.reload();
	await coach.waitForSelector(`${hook('my-receipt-status')}[data-verified="true"]`);
	const whole = [];
	coach.on('request', (request) => /tracks/.test(request.url()) && whole.push([request.url(), request.headers().range]));
	await coach.click(hook('watch-open'));
	await coach.click(hook('player-play'));
	await until('both play', () => coach.evaluate(() => [...document.querySelectorAll('dialog video')].every((video) => video.currentTime > 0.5)), 20000);
	const sources = await coach.evaluate(() => [...document.querySelectorAll('dialog video')].map((video) => new URL(video.currentSrc).pathname));
	assert.deepEqual(sources.map((path) => path.split('/').pop()), ['coach', 'coachee'], 'streamed, not fetched whole');
	assert.ok(whole.every(([url]) => !url.includes(session.parties.coach.join_url.split('#')[1])), 'no token in an address');
	assert.deepEqual(await axe(coach), []);
	await shot(coach, 'call-watch-coach');
	await coach.click(hook('watch-close'));
	await until('the worker is gone', () => coach.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length === 0));
	await coachee.reload();
	await coachee.waitForSelector(hook('my-access'));
	assert.match(await coachee.innerText(hook('my-access')), /Coach[\s\S]*watched their own session/);
	assert.deepEqual(await everyLook(coachee, 'call-mine-coachee', { shot: { fullPage: true } }), []);
	await coach.waitForSelector(hook('my-access'));
	await shot(coach, 'call-mine-coach', undefined, { fullPage: true });
});

test('R7 R19 withdrawing afterwards erases, with a certificate verified in the page', async () => {
	const { coachee } = pages;
	await coachee.click(hook('withdraw'));
	await coachee.waitForSelector(`${hook('certificate')}[data-verified="true"]`, { timeout: 30000 });
	assert.equal(await coachee.isVisible(hook('watch-open')), false);
	await until('nothing left to withdraw', async () => !await coachee.isVisible(hook('withdraw')));
	await shot(coachee, 'call-erased-coachee');
	for (const page of Object.values(pages)) assert.deepEqual(page.foreign, []);
});
