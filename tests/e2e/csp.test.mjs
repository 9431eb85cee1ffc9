/*
 * The content policy of the real listeners in a real browser: each page and its parts, in both languages, through a
 * recorded call, one's own data, playback and the staff's views. The policy has no exception, nothing breaks it, and what
 * an attacker slips into a page does not run.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Instance, sleep, top, until } from './lib/instance.mjs';
import { openBrowser, openPage } from './lib/browser.mjs';
import { enterCall, giveConsent, hook, signIn, waitGate } from './lib/pages.mjs';
import { adminCall } from './lib/staff.mjs';

const POLICY = ["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "font-src 'self'", "media-src 'self' blob:", "connect-src 'self'",
	"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"];
let instance, browser, session, recording;
const broken = []; /* every violation in every page, and every complaint on a console */
const pages = {};

before(async () => {
	instance = await Instance.start({ config: { 'gateway.rate_per_minute': 100000 } });
	browser = await openBrowser('coach');
	session = await instance.session();
});
after(async () => {
	await browser?.close();
	await instance?.stop();
});

/* Opens a page that notes each violation from its first moment on. */
async function watched(url, options = {}) {
	const page = await openPage(browser, 'about:blank', options);
	await page.exposeFunction('noteViolation', (text) => broken.push(text));
	await page.addInitScript(() => addEventListener('securitypolicyviolation', (event) =>
		window.noteViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`)));
	page.on('console', (message) => {
		if (/content.security|refused to|policy/i.test(message.text()))
			broken.push(`console: ${message.text()}`);
	});
	page.stopped = [];
	page.on('requestfailed', (request) => page.stopped.push(`${request.url()} ${request.failure().errorText}`));
	page.on('pageerror', (error) => broken.push(`error: ${error.message}`));
	await page.goto(url);
	return page;
}

async function bothLanguages(page) {
	for (const language of ['en', 'fr']) {
		await page.locator(hook(`language-${language}`)).first().click();
		assert.equal(await page.getAttribute('html', 'lang'), language);
	}
}

const nothingBroken = () => assert.deepEqual(broken, []);

/* Every file under web/, by the address that each listener gives it. */
function parts() {
	const walk = (folder, under) => readdirSync(folder, { withFileTypes: true }).flatMap((entry) => entry.isDirectory()
		? walk(join(folder, entry.name), `${under}${entry.name}/`) : [`${under}${entry.name}`]);
	return walk(join(top, 'web'), '/web/').filter((path) => /\.(js|css|svg|html)$/.test(path));
}

async function checkHeads(url, page) {
	const answer = await fetch(url), head = (name) => answer.headers.get(name);
	assert.equal(answer.status, 200, url);
	assert.equal(head('x-content-type-options'), 'nosniff', url);
	assert.equal(head('referrer-policy'), 'no-referrer', url);
	assert.equal(head('cross-origin-resource-policy'), 'same-origin', url);
	const policy = head('content-security-policy').split(/; ?/);
	assert.doesNotMatch(policy.join(';'), /unsafe|\*|https?:|data:|nonce-|strict-dynamic|wasm/, url);
	if (!page)
		return;
	assert.deepEqual(policy, POLICY, url);
	assert.equal(head('cross-origin-opener-policy'), 'same-origin', url);
	assert.match(head('permissions-policy'), /camera=\((self)?\), microphone=\((self)?\), display-capture=\((self)?\), geolocation=\(\)/, url);
}

test('each page and part says the whole policy, each other answer forbids everything', async () => {
	assert.ok(parts().length > 40);
	for (const path of parts()) {
		await checkHeads(`${instance.gateway}${path}`, true);
		await checkHeads(`${instance.vault}${path}`, true);
	}
	await checkHeads(`${instance.gateway}/join`, true);
	await checkHeads(`${instance.vault}/`, true);
	for (const path of ['/healthz', '/metrics', '/v1/ledger/checkpoint'])
		for (const base of [instance.gateway, instance.vault])
			await checkHeads(`${base}${path}`, false);
	const refused = await fetch(`${instance.gateway}/v1/party`);
	assert.equal(refused.headers.get('content-security-policy'), "default-src 'none'; frame-ancestors 'none'");
	assert.match((await fetch(`${instance.vault}/`)).headers.get('permissions-policy'), /camera=\(\), microphone=\(\)/);
});

test('a call that is recorded, in both languages', async () => {
	await watched(`${instance.gateway}/`);
	for (const role of ['coach', 'coachee']) {
		pages[role] = await watched(session.parties[role].join_url);
		await pages[role].waitForSelector(hook('join-start'), { timeout: 20000 });
		await bothLanguages(pages[role]);
		await enterCall(pages[role]);
		await giveConsent(pages[role], ['recording', 'supervision']);
	}
	await Promise.all(['coach', 'coachee'].map((role) => waitGate(pages[role], 'open')));
	await sleep(3000);
	await instance.platform('DELETE', `/v1/sessions/${session.id}`);
	[recording] = (await instance.platform('GET', `/v1/sessions/${session.id}`)).body.recordings;
	nothingBroken();
});

test('one\'s own data and watching it', async () => {
	const page = pages.coach;
	await page.waitForSelector(hook('my-data'), { timeout: 15000 });
	await bothLanguages(page);
	await page.click(hook('watch-open'));
	await page.waitForSelector(hook('player-play'), { timeout: 15000 });
	await page.click(hook('player-play'));
	await sleep(500);
	nothingBroken();
});

test('the staff\'s pages, with playback', async () => {
	const granted = await adminCall(instance, 'POST', '/v1/grants', { recording: recording.id, supervisor: instance.demo.supervisor.user,
		purpose: 'supervision', expires: new Date(Date.now() + 3600e3).toISOString() });
	assert.equal(granted.status, 201);
	for (const [user, plays] of [['supervisor', true], ['admin', false], ['auditor', false]]) {
		const page = await watched(`${instance.vault}/`);
		await bothLanguages(page);
		await signIn(page, instance.demo[user]);
		const views = await page.locator('[data-testid^="nav-"]').evaluateAll((all) => all.map((one) => one.dataset.testid));
		for (const view of views) {
			await page.click(hook(view));
			await sleep(200);
		}
		if (plays)
			await playAsSupervisor(page);
		await bothLanguages(page);
		await page.context().close();
	}
	nothingBroken();
});

async function playAsSupervisor(page) {
	const views = await page.locator('[data-testid^="nav-"]').count();
	if (views)
		await page.locator('[data-testid^="nav-"]').first().click();
	await page.locator(hook('recording-open')).first().click();
	await page.selectOption(hook('access-purpose'), 'supervision');
	await page.fill(hook('access-reason'), 'case review');
	await page.click(hook('access-begin'));
	await page.waitForSelector(hook('player-play'), { timeout: 15000 });
	await page.click(hook('player-play'));
	await sleep(500);
}

/* As an attacker who found a way to put elements into the page. Each is tried alone; none may run, each is reported. */
const SLIPPED = {
	'an inline script': (page) => page.evaluate(() => {
		const script = document.createElement('script');
		script.textContent = 'window.owned = true';
		document.body.append(script);
	}),
	'an event attribute': (page) => page.evaluate(() => {
		const image = document.createElement('img');
		image.setAttribute('onerror', 'window.owned = true');
		image.setAttribute('src', '/none');
		document.body.append(image);
	}),
	'eval': (page) => page.addScriptTag({ url: '/web/ui/dom.js' }).then(() => page.evaluate(() => new Promise((done) => {
		addEventListener('securitypolicyviolation', () => done(), { once: true });
		setTimeout('window.owned = true', 0);
		setTimeout(done, 500);
	}))),
	'a script from elsewhere': (page) => page.evaluate(() => {
		const script = document.createElement('script');
		script.src = 'https://example.org/x.js';
		document.body.append(script);
	}),
	'a script as data': (page) => page.evaluate(() => {
		const script = document.createElement('script');
		script.src = 'data:text/javascript,window.owned=true';
		document.body.append(script);
	}),
	'an inline style': (page) => page.evaluate(() => {
		const style = document.createElement('style');
		style.textContent = 'body { background: url(https://example.org/x) }';
		document.body.append(style);
	}),
	'another base': (page) => page.evaluate(() => {
		const base = document.createElement('base');
		base.href = 'https://example.org/';
		document.head.append(base);
	}),
	'a frame': (page) => page.evaluate(() => {
		const frame = document.createElement('iframe');
		frame.src = 'https://example.org/';
		document.body.append(frame);
	}),
	'a form to elsewhere': (page) => page.evaluate(() => {
		const form = document.createElement('form');
		form.action = 'https://example.org/';
		document.body.append(form);
		form.submit();
	}),
	'a message to elsewhere': (page) => page.evaluate(() => fetch('https://example.org/').catch(() => {})),
};

test('what is slipped into a page does not run', async () => {
	for (const base of [`${instance.gateway}/join`, `${instance.vault}/`])
		for (const [what, slip] of Object.entries(SLIPPED)) {
			const page = await watched(base);
			broken.length = 0;
			await slip(page);
			await until(`${what} is reported`, () => broken.some((text) => !text.startsWith('console')), 5000);
			assert.notEqual(await page.evaluate(() => window.owned), true, what);
			for (const url of page.foreign) /* the browser tells of a request that it then stops */
				assert.ok(page.stopped.some((text) => text.startsWith(url) && /csp/i.test(text)), `${what}: ${url} ${page.stopped}`);
			await page.context().close();
		}
	broken.length = 0;
});

test('no page can be framed by another origin', async () => {
	const page = await watched(`${instance.vault}/healthz`);
	await page.setContent(`<iframe src="${instance.gateway}/join"></iframe>`);
	await sleep(800);
	const inside = page.frames().find((frame) => frame !== page.mainFrame());
	assert.ok(!inside || !(await inside.locator('#app').count()), 'it was not shown');
});
