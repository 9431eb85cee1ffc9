/* Debian's Firefox and Chromium through the real pages: they see each other and both can be recorded. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import puppeteer from 'puppeteer-core';
import { Instance, sleep, until } from './lib/instance.mjs';
import { openBrowser } from './lib/browser.mjs';
import { axe, inLanguage, LANGUAGES, shot } from './lib/journey.mjs';
import { gateOf, giveConsent, hook, joinCall, seesPeer, waitGate } from './lib/pages.mjs';

/* Firefox gathers no loopback candidates: this runs inside in_netns, which has another address. */
const outside = process.env.APARTE_TEST_ADDRESS;
let instance, chromium, firefox;
before(async () => {
	assert.ok(outside, 'run by tests/e2e/in_netns');
	instance = await Instance.start({ advertise: `127.0.0.1,${outside}` });
	chromium = await openBrowser('coach');
	firefox = await puppeteer.launch({ browser: 'firefox', executablePath: '/usr/bin/firefox-esr', headless: true,
		extraPrefsFirefox: { 'media.navigator.streams.fake': true, 'media.navigator.permission.disabled': true,
			'media.peerconnection.ice.obfuscate_host_addresses': false, 'media.autoplay.default': 0,
			'datareporting.policy.dataSubmissionEnabled': false, 'app.update.enabled': false } });
});
after(async () => {
	await firefox?.close();
	await chromium?.close();
	await instance?.stop();
});

/* A view of the journey in Firefox: its picture and what axe finds, in both languages. */
async function look(page, name) {
	for (const lang of [...LANGUAGES].reverse()) {
		await inLanguage(page, lang);
		assert.deepEqual(await axe(page), [], `${name} ${lang}`);
		await shot(page, name, lang);
	}
}

test('Firefox and Chromium see each other, agree, are recorded, and each has their own data afterwards', async () => {
	const session = await instance.session();
	const coach = await joinCall(chromium, session.parties.coach.join_url);
	const coachee = await firefox.newPage();
	await coachee.setViewport({ width: 1280, height: 800 });
	await coachee.goto(session.parties.coachee.join_url, { waitUntil: 'domcontentloaded', timeout: 60000 });
	await coachee.waitForSelector(hook('join-start'), { timeout: 60000 });
	await coachee.waitForFunction((css) => document.querySelector(css).options.length > 0, {}, hook('choose-video'));
	await look(coachee, 'firefox-lobby');
	await coachee.click(hook('join-start'));
	await coachee.waitForSelector(hook('gate-state'), { timeout: 15000 });
	await seesPeer(coachee, 'coach', 25000);
	const shown = () => coach.evaluate((css) => document.querySelector(css).getVideoPlaybackQuality().totalVideoFrames, hook('peer-video'));
	await until('Chromium plays the coachee', async () => await shown() > 60, 25000);

	await giveConsent(coach);
	assert.equal(await gateOf(coach), 'closed');
	if (!await coachee.$(`${hook('consent-panel')}`))
		await coachee.click(hook('open-consent'));
	await look(coachee, 'firefox-consent');
	await coachee.click(hook('consent-purpose-recording'));
	await coachee.click(hook('consent-accept'));
	await waitGate(coach, 'open', 30000);
	await look(coachee, 'firefox-recorded');
	await sleep(4000);
	assert.equal(await gateOf(coach), 'open', 'both presences keep it open');
	await coachee.click(hook('pause'));
	await waitGate(coach, 'closed');
	await coachee.click(hook('leave'));
	await coachee.waitForSelector(`${hook('my-receipt-status')}[data-verified="true"]`);
	assert.equal((await instance.platform('DELETE', `/v1/sessions/${session.id}`)).status, 204);
	const [recording] = (await instance.platform('GET', `/v1/sessions/${session.id}`)).body.recordings;
	assert.equal(recording.state, 'sealed');
	await coachee.reload({ waitUntil: 'domcontentloaded', timeout: 60000 });
	await coachee.waitForSelector(hook('watch-open'));
	await look(coachee, 'firefox-mine');
	await coachee.click(hook('watch-open'));
	await coachee.waitForSelector(hook('player-play'));
	await coachee.click(hook('player-play'));
	await coachee.waitForFunction(() => [...document.querySelectorAll('dialog video')].every((video) => video.currentTime > 0.5), { timeout: 20000 });
});
