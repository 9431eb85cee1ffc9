/* After the session: a person's own data, watching, receipts, requests. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { axe, launch, openPage, shot } from './pages/browser.mjs';
import { logOfOne } from './pages/log.mjs';
import { makeTracks } from './pages/media.mjs';
import { Mock, TOKEN } from './pages/mock.mjs';

let mock, browser, tracks;

before(async () => {
	mock = await new Mock().start();
	browser = await launch();
	tracks = makeTracks();
});
after(async () => {
	await browser?.close();
	await mock?.stop();
});
beforeEach(() => {
	mock.reset();
	mock.party.may_join = false;
	mock.party.gate = { state: 'closed', reasons: ['ended'] };
	mock.tracks = tracks;
});

async function open() {
	const one = await openPage(browser, mock.origin);
	await one.page.goto(`${mock.origin}/join#${TOKEN}`);
	await one.at('my-data').waitFor();
	return one;
}

async function until(condition, what) {
	for (let i = 0; i < 100; i++) {
		if (await condition()) return;
		await new Promise((done) => setTimeout(done, 100));
	}
	assert.fail(`never: ${what}`);
}

test('nothing held: each section says so; both languages', async () => {
	const { page, at, complaints, context } = await open();
	await page.getByText('Aucun reçu.').waitFor();
	assert.deepEqual(await axe(page), []);
	await at('language-en').click();
	await page.getByText('No receipts.').waitFor();
	assert.deepEqual(complaints, []);
	await context.close();
});

test('recordings with their end, accesses, receipts verified; a forged one is told', async () => {
	const time = new Date().toISOString();
	mock.recordings = [
		{ id: 'a', state: 'sealed', created: time, expires: new Date(Date.now() + 30 * 86_400_000).toISOString(), duration_ms: 12_000, watchable: true },
		{ id: 'b', state: 'erased', created: time, certificate: await logOfOne(mock.logKey, 11, { event: 'Erased' }) },
	];
	mock.accesses = [{ id: 'x', recording: 'a', who: 'user:claire', purpose: 'supervision', reason: 'Supervision mensuelle', begun: time }];
	const good = await logOfOne(mock.logKey, 1, { event: 'ConsentGiven', time });
	mock.receipts = [good, { ...good, leaf_index: 0 }];
	const { page, at, complaints, context } = await open();
	await at('my-receipt-status').nth(1).waitFor();
	assert.equal(await at('my-receipt-status').nth(0).getAttribute('data-verified'), 'true');
	assert.equal(await at('my-receipt-status').nth(1).getAttribute('data-verified'), 'false');
	assert.equal(await at('certificate').getAttribute('data-verified'), 'true');
	assert.match(await at('my-accesses').innerText(), /claire[\s\S]*Supervision mensuelle/);
	assert.match(await at('my-recordings').innerText(), /Effacé au plus tard le/);
	await shot(page, 'my-data');
	assert.deepEqual(await axe(page), []);
	assert.deepEqual(complaints, []);
	await context.close();
});

test('a speaker watches both tracks, seeks, and they stay together', async () => {
	mock.recordings = [{ id: 'a', state: 'sealed', created: new Date().toISOString(), duration_ms: 12_000, watchable: true }];
	const { page, at, complaints, context } = await open();
	await at('watch-open').click();
	await at('player-play').click();
	await until(() => at('player-coachee').evaluate((video) => video.currentTime > 1), 'plays');
	await at('player-timeline').fill('8');
	await until(() => at('player-coach').evaluate((video) => video.currentTime > 8.5), 'plays on after seeking');
	const drift = () => page.evaluate(() => {
		const [a, b] = document.querySelectorAll('.pair video');
		return Math.abs(a.currentTime - b.currentTime);
	});
	assert.ok((await drift()) < 0.1);
	await shot(page, 'my-watch');
	assert.deepEqual(await axe(page), []);
	await at('watch-close').click();
	await at('watch').waitFor({ state: 'detached' });
	assert.deepEqual(complaints, []);
	await context.close();
});

test('an erased track is told in words', async () => {
	mock.recordings = [{ id: 'a', state: 'sealed', created: new Date().toISOString(), watchable: true }];
	mock.tracks = {};
	const { at, context } = await open();
	await at('watch-open').click();
	await at('watch-problem').waitFor();
	assert.equal(await at('watch-problem').getAttribute('data-error'), 'erased');
	await context.close();
});

test('a request is made and listed; consent can still be withdrawn', async () => {
	mock.party.consents = { recording: 'ConsentGiven' };
	mock.devices = { includes: () => true, push() {} };
	const { at, context } = await open();
	await at('request-type').selectOption('restriction');
	await at('request-detail').fill('Merci');
	await at('request-send').click();
	await at('my-request').waitFor();
	assert.equal(mock.requests[0].type, 'restriction');
	await at('withdraw').click();
	await until(() => mock.statements.length === 1, 'withdrawn');
	assert.equal(mock.statements[0].event, 'ConsentWithdrawn');
	await context.close();
});

test('without a list of requests those of this device are asked for one by one', async () => {
	mock.requestList = false;
	const { at, context } = await open();
	await at('request-send').click();
	await at('my-request').waitFor();
	assert.equal(await at('my-request').count(), 1);
	await context.close();
});
