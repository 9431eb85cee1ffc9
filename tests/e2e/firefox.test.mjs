/* Debian's Firefox and Chromium through the real pages: they see each other and both can be recorded. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import puppeteer from 'puppeteer-core';
import { Instance, sleep, until } from './lib/instance.mjs';
import { openBrowser } from './lib/browser.mjs';
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

test('Firefox and Chromium see each other, agree and are recorded', async () => {
	const session = await instance.session();
	const coach = await joinCall(chromium, session.parties.coach.join_url);
	const coachee = await firefox.newPage();
	await coachee.goto(session.parties.coachee.join_url);
	await coachee.waitForSelector(hook('join-start'), { timeout: 20000 });
	await coachee.click(hook('join-start'));
	await coachee.waitForSelector(hook('gate-state'), { timeout: 15000 });
	await seesPeer(coachee, 'coach', 25000);
	const shown = () => coach.evaluate((css) => document.querySelector(css).getVideoPlaybackQuality().totalVideoFrames, hook('peer-video'));
	await until('Chromium plays the coachee', async () => await shown() > 60, 25000);

	await giveConsent(coach);
	assert.equal(await gateOf(coach), 'closed');
	if (!await coachee.$(`${hook('consent-panel')}`))
		await coachee.click(hook('open-consent'));
	await coachee.click(hook('consent-purpose-recording'));
	await coachee.click(hook('consent-accept'));
	await waitGate(coach, 'open', 30000);
	await sleep(4000);
	assert.equal(await gateOf(coach), 'open', 'both presences keep it open');
	assert.equal((await instance.platform('DELETE', `/v1/sessions/${session.id}`)).status, 204);
	const [recording] = (await instance.platform('GET', `/v1/sessions/${session.id}`)).body.recordings;
	assert.equal(recording.state, 'sealed');
});
