/* R19, R20, R24, R25, R26, R30, R40: the pages of what the operator answers for, over the real vault: what it says is what they show. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openBrowser, openPage } from './lib/browser.mjs';
import { Instance, until } from './lib/instance.mjs';
import { bestVisit } from './lib/journey.mjs';
import { hook, signIn } from './lib/pages.mjs';
import { adminCall } from './lib/staff.mjs';

const AGE = 'age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg';
let instance, browser, page;

before(async () => {
	instance = await Instance.start({ config: { 'retention.scan_seconds': 1, 'gateway.rate_per_minute': 100000 } });
	await instance.cli('user', 'add', 'second', '--role', 'admin');
	await instance.cli('tenant', 'add', 'nord');
	browser = await openBrowser(null);
	page = await openPage(browser, `${instance.vault}/`);
	await signIn(page, instance.demo.admin);
});
after(async () => {
	await browser?.close();
	await instance?.stop();
});

async function view(name) {
	await page.goto(`${instance.vault}/#/${name}`);
	await page.waitForSelector(`main[data-view=${name}] h1`);
	assert.equal(await page.locator('.problem:visible').count(), 0, name);
	return (await page.locator('main').innerText()).replace(/\s+/g, ' ');
}

test('the sign-in page is light and soon usable', async (t) => {
	const cost = await bestVisit(browser, `${instance.vault}/`, hook('login-user'), 1000);
	t.diagnostic(`${cost.bytes} bytes in ${cost.requests} answers, usable after ${cost.interactive} ms; ${cost.whole} with what is fetched ahead`);
	assert.ok(cost.bytes < 150_000, `${cost.bytes} bytes`);
	assert.ok(cost.interactive < 1000, `${cost.interactive} ms`);
});

test('each view shows what the vault answers', async () => {
	await view('holds');
	const register = await view('register');
	assert.match(register, /demo/);
	assert.match(register, /30 (jours|days)/);
	const state = await view('state');
	assert.match(state, /storage/);
	assert.match(state, /aparte rotate/);
	assert.equal(await page.locator(hook('state-dead')).getAttribute('class'), null);
	await view('proofs');
	await view('offboarding');
});

test('R30 a leaving is proposed on the page, confirmed by another admin, erased and certified', async () => {
	await view('offboarding');
	await page.click(hook('leave-new'));
	await page.selectOption(hook('leave-tenant'), 'nord');
	await page.fill(hook('leave-recipient'), AGE);
	await page.fill(hook('leave-reason'), 'Fin de contrat');
	await page.click(hook('leave-propose'));
	await page.waitForSelector(hook('leave-proposal'));
	const { proposals } = (await adminCall(instance, 'GET', '/v1/offboardings')).body;
	await instance.cli('tenant', 'offboard', 'nord', '--confirm', proposals[0].id, '--admin', 'second');
	await instance.cli('tenant', 'erase', 'nord', '--without-export', 'they had nothing', '--admin', 'second');
	await until('it is erased', async () => {
		await page.reload();
		await page.waitForSelector(hook('leave-card'));
		return (await page.locator(hook('leave-card')).getAttribute('data-state')) === 'erased';
	});
	await page.click(hook('leave-certificate-open'));
	await page.waitForSelector(`${hook('leave-certificate')}[data-verified=true]`);
	await page.waitForSelector(hook('leave-certificate-pending'));
	await instance.cli('rotate', '--reason', 'a platform left', '--admin', 'admin');
	await until('its second part', async () => {
		await page.reload();
		await page.click(hook('leave-certificate-open'));
		await page.waitForSelector(hook('leave-certificate'));
		return (await page.locator(hook('leave-certificate-unrecoverable')).count()) === 1;
	});
});

test('R19 the overview and the log of proofs: verified in the page, with the certificate of what was just erased', async () => {
	await view('overview');
	await page.waitForSelector(hook('expiry-summary'));
	await page.waitForSelector(`${hook('overview-log')}[data-verdict=alone]`); /* it holds; no witness is configured */
	assert.equal(await page.locator('.part-failed').count(), 0);
	await view('ledger');
	await page.waitForSelector(`${hook('ledger-verdict')}[data-good=true]`);
	const before = Number(await page.getAttribute(hook('ledger-verdict'), 'data-size'));
	await instance.cli('tenant', 'add', 'est');
	await instance.cli('user', 'add', 'third', '--role', 'auditor');
	await page.click(hook('ledger-verify'));
	await until('the log that grew is verified', async () => Number(await page.getAttribute(hook('ledger-verdict'), 'data-size').catch(() => 0)) > before);
	assert.equal(await page.getAttribute(`${hook('ledger-step')}[data-step=continues]`, 'data-say'), 'continuesGrown');
	const { body } = await adminCall(instance, 'GET', '/v1/tenants/nord/offboard/certificate');
	await page.setInputFiles(hook('ledger-input'), { name: 'nord.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(body)) });
	await page.waitForSelector(`${hook('ledger-file')}[data-good=true]`);
	const said = await page.locator(`${hook('ledger-file')} ${hook('ledger-step')}`).evaluateAll((all) => all.map((one) => one.dataset.say));
	assert.deepEqual(said, ['proofGood', 'secondGood', 'presentGood']);
});
