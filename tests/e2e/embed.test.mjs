/*
 * <aparte-session> in a platform's page of another origin: the example of web/sdk as it is, in a real browser against the real
 * processes. The person decides inside the frame, the page around it hears states and nothing else; an origin the gateway
 * does not name shows nothing.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { openBrowser, openPage } from './lib/browser.mjs';
import { shot } from './lib/journey.mjs';
import { Instance, top, until } from './lib/instance.mjs';
import { enterCall, giveConsent, hook, joinCall, refuseConsent, waitGate } from './lib/pages.mjs';

const TYPES = { '.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript' };
let instance, platform, stranger, browser, other;

/* A platform's web server: an origin of its own, which is its port. */
async function serveExample() {
	const server = createServer((request, response) => {
		const path = new URL(request.url, 'http://x').pathname.replace(/\/$/, '/index.html');
		const file = join(top, 'web/sdk/example', path);
		response.writeHead(existsSync(file) ? 200 : 404, { 'content-type': TYPES[extname(path)] ?? 'text/plain' });
		response.end(existsSync(file) ? readFileSync(file) : '');
	});
	await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
	return { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

before(async () => {
	platform = await serveExample();
	stranger = await serveExample();
	instance = await Instance.start({ config: { 'gateway.cors_origins': platform.origin, 'gateway.rate_per_minute': 100000 } });
	browser = await openBrowser('coach');
	other = await openBrowser('coachee');
});
after(async () => {
	await browser?.close();
	await other?.close();
	platform?.close();
	stranger?.close();
	await instance?.stop();
});

/* Opens the platform's page around a person's link; `heard` fills with what the element says. */
async function openHost(origin, link, options) {
	const page = await openPage(browser, 'about:blank', options);
	const heard = [];
	await page.exposeFunction('noteHeard', (text) => heard.push(JSON.parse(text)));
	await page.addInitScript(() => {
		for (const name of ['ready', 'joined', 'recording', 'left', 'failed'])
			addEventListener(`aparte-${name}`, ({ type, detail }) => window.noteHeard(JSON.stringify({ type, detail })));
	});
	await page.goto(`${origin}/#${link}`);
	return { page, heard };
}

async function frameOf(page) {
	const frame = await until('the frame', () => page.frames().find((one) => one.url().startsWith(instance.gateway)));
	frame.told = page.told;
	return frame;
}

/* As a person does who is told to look first. */
async function accept(frame) {
	await until('taken', async () => {
		if (await frame.isVisible(hook('consent-accept')))
			await frame.click(hook('consent-accept'));
		return frame.isVisible(`${hook('consent-summary')}[data-state="ConsentGiven"]`);
	}, 60000);
}

test('a person agrees inside the frame; the page around hears that recording began and stopped, and nothing of who', async () => {
	const session = await instance.session();
	const { page, heard } = await openHost(platform.origin, session.parties.coach.join_url);
	const frame = await frameOf(page);
	await enterCall(frame);
	const peer = await joinCall(other, session.parties.coachee.join_url);
	await frame.check(hook('consent-purpose-recording'));
	await accept(frame);
	await giveConsent(peer);
	await waitGate(frame, 'open', 30000);
	await frame.click(hook('pause'));
	await waitGate(frame, 'closed', 30000);
	await until('the stop', () => heard.filter((one) => one.type === 'aparte-recording').length === 2);
	assert.deepEqual(heard.map(({ type, detail }) => [type, detail]), [['aparte-ready', { role: 'coach' }], ['aparte-joined', {}],
		['aparte-recording', { recording: true }], ['aparte-recording', { recording: false }]]);
	assert.equal(await page.getAttribute('#state', 'data-event'), 'aparte-recording');
	await frame.click(hook('leave'));
	await until('the end', () => heard.find((one) => one.type === 'aparte-left'));
	assert.deepEqual(page.foreign, []);
	await peer.context().close();
	await page.context().close();
});

test('R34 a refusal inside the frame is heard by nobody around it', async () => {
	const session = await instance.session();
	const { page, heard } = await openHost(platform.origin, session.parties.coach.join_url);
	const frame = await frameOf(page);
	await enterCall(frame);
	await refuseConsent(frame);
	assert.deepEqual(heard.map((one) => one.type), ['aparte-ready', 'aparte-joined']);
	await page.context().close();
});

test('the page around reaches nothing inside, and believes no message but the frame\'s', async () => {
	const session = await instance.session();
	const { page, heard } = await openHost(platform.origin, session.parties.coach.join_url);
	await frameOf(page);
	await until('ready', () => heard.length > 0);
	const seen = await page.evaluate(() => {
		window.postMessage({ aparte: 1, event: 'recording', detail: { recording: true } }, '*');
		return { root: document.querySelector('aparte-session').shadowRoot, frames: window.length };
	});
	assert.deepEqual(seen, { root: null, frames: 0 });
	await page.evaluate(() => document.getElementById('call').leave());
	await until('the end', () => heard.find((one) => one.type === 'aparte-left'));
	assert.deepEqual(heard.map((one) => one.type), ['aparte-ready', 'aparte-left']);
	assert.equal(page.frames().length, 1, 'the frame is gone');
	await page.context().close();
});

test('R5 what lies over the frame, or makes it faint, gets no agreement', async () => {
	const session = await instance.session();
	const { page } = await openHost(platform.origin, session.parties.coach.join_url);
	const frame = await frameOf(page);
	await enterCall(frame);
	await frame.check(hook('consent-purpose-recording'));
	for (const style of ['opacity: 0.02', '']) {
		await page.evaluate((css) => document.getElementById('call').setAttribute('style', css), style);
		if (!style) { /* a decoy that lets clicks through */
			await page.evaluate(() => document.body.append(Object.assign(document.createElement('div'), { id: 'decoy',
				style: 'position: fixed; inset: 0; background: #fff; pointer-events: none; z-index: 9' })));
		}
		await until('refused', async () => {
			await frame.click(hook('consent-accept'));
			return await frame.getAttribute(hook('consent-problem'), 'data-error') === 'out-of-sight';
		});
		assert.equal(await frame.isVisible(hook('consent-summary')), false);
	}
	await page.evaluate(() => document.getElementById('decoy').remove());
	await accept(frame);
	await page.context().close();
});

test('an origin the gateway does not name gets neither module nor frame; a link that is none is said', async () => {
	const session = await instance.session();
	const refused = await openPage(browser, `${stranger.origin}/#${session.parties.coach.join_url}`);
	await until('the refusal', () => refused.told.find((text) => /CORS|Access-Control/.test(text)));
	await refused.setContent(`<iframe src="${session.parties.coach.join_url}"></iframe>`);
	await until('the frame refused', () => refused.told.find((text) => /frame-ancestors/.test(text)));
	await refused.context().close();

	const { page, heard } = await openHost(platform.origin, `${instance.gateway}/staff#x`);
	await until('a failure', () => heard.find((one) => one.type === 'aparte-failed'));
	assert.deepEqual(heard, [{ type: 'aparte-failed', detail: { name: 'join-url' } }]);
	assert.equal(page.frames().length, 1);
	await page.context().close();
});

test('in a column of 360 pixels the lobby fits and its button can be reached', async () => {
	const session = await instance.session();
	const { page } = await openHost(platform.origin, session.parties.coach.join_url, { viewport: { width: 392, height: 780 } });
	const frame = await frameOf(page);
	await frame.waitForSelector(hook('join-start'));
	const wide = await frame.evaluate(() => document.documentElement.scrollWidth - innerWidth);
	assert.ok(wide <= 0, `${wide} pixels too wide`);
	await enterCall(frame);
	await shot(page, 'call-embedded');
	await page.context().close();
});
