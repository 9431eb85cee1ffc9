/* After the session: a person's own data, watching, receipts, requests. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, beforeEach, test } from 'node:test';
import { axe, everyLook, launch, openPage, shot } from './pages/browser.mjs';
import { logOfOne } from './pages/log.mjs';
import { makeTracks } from './pages/media.mjs';
import { Mock, TOKEN } from './pages/mock.mjs';
import { certificateOf } from './pages/mock_desk.mjs';

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

/* R19: since when it is erased, and from when no copy can be opened; both parts verified, both in the file to save. */
test('R19 an erased recording shows both dates, and its certificate in two parts is saved', async () => {
	const time = new Date().toISOString();
	const certificates = await Promise.all([certificateOf(mock.logKey, {}), certificateOf(mock.logKey, {}, false), certificateOf(mock.logKey, { kek_id: 'bb' })]);
	mock.recordings = certificates.map((certificate, i) => ({ id: String(i), state: 'erased', created: time, certificate }));
	const { page, at, complaints, context } = await open();
	await at('certificate').nth(2).waitFor();
	const states = await at('certificate').evaluateAll((all) => all.map((one) => one.dataset.verified));
	assert.deepEqual(states, ['true', 'true', 'false'], 'the third is of a turnover of another key');
	const words = await at('my-recording').allInnerTexts();
	assert.match(words[0], /Effacé le [\s\S]*Aucune copie ne peut être ouverte à partir du/);
	assert.match(words[1], /Effacé le [\s\S]*Dans les 24 heures/);
	assert.doesNotMatch(words[2], /Aucune copie/);
	const saving = page.waitForEvent('download');
	await at('certificate').nth(0).locator('button').click();
	const saved = JSON.parse(readFileSync(await (await saving).path(), 'utf8'));
	assert.deepEqual([saved.type, saved.turnover.type, saved.unrecoverable_at], [11, 13, certificates[0].unrecoverable_at]);
	assert.deepEqual(await everyLook(page, 'mine-erased', { looks: [] }), []);
	assert.deepEqual(complaints, []);
	await context.close();
});

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
		{ id: 'a', state: 'sealed', created: time, expires: new Date(Date.now() + 30 * 86_400_000).toISOString(), duration_ms: 12_000, watchable: true,
			holds: [{ ground: 'art. 17(3)(e)', reason: 'Litige 7', until: time }] },
		{ id: 'b', state: 'erased', created: time, certificate: await logOfOne(mock.logKey, 11, { event: 'Erased' }) },
	];
	mock.accesses = [{ id: 'x', recording: 'a', who: 'claire', role: 'supervisor', purpose: 'supervision', reason: 'Supervision mensuelle', begun: time },
		{ id: 'y', recording: 'a', who: 'sponsor', role: 'sponsor', purpose: 'disclosure', reason: 'Bilan', begun: time }];
	const good = await logOfOne(mock.logKey, 1, { event: 'ConsentGiven', time });
	mock.receipts = [good, { ...good, leaf_index: 0 }];
	const { page, at, complaints, context } = await open();
	await at('my-receipt-status').nth(1).waitFor();
	assert.equal(await at('my-receipt-status').nth(0).getAttribute('data-verified'), 'true');
	assert.equal(await at('my-receipt-status').nth(1).getAttribute('data-verified'), 'false');
	assert.equal(await at('certificate').getAttribute('data-verified'), 'true');
	assert.match(await at('my-accesses').innerText(), /claire[\s\S]*Supervision mensuelle[\s\S]*Commanditaire[\s\S]*Bilan/, 'R12');
	assert.deepEqual(await at('my-access-role').allInnerTexts(), ['Supervision', 'Commanditaire'], 'R12: the role, and alone where names are hidden');
	assert.match(await at('my-recordings').innerText(), /Effacé au plus tard le/);
	assert.match(await at('recording-hold').innerText(), /art\. 17\(3\)\(e\).*Litige 7/, 'R20');
	assert.deepEqual(await everyLook(page, 'mine', { shot: { fullPage: true } }), []);
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
	assert.deepEqual(await everyLook(page, 'mine-watch', { looks: ['phone'] }), []);
	mock.tracks = {}; /* the other person withdraws meanwhile */
	await at('player-coach').dispatchEvent('error');
	await at('watch-problem').waitFor();
	assert.equal(await at('watch-problem').getAttribute('data-error'), 'erased');
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

/* R18, R20, R23: what the person reads of a request: why it waits and until when, the checklist, a refusal's article. */
test('R18 R20 R23 a request tells its whole story', async () => {
	const time = new Date(Date.now() - 1e9).toISOString(), later = new Date(Date.now() + 1e9).toISOString();
	mock.requests = [
		{ id: 'a', type: 'erasure', state: 'extended', created: time, due: later, extension: 'Nombreuses demandes',
			waits_for: [{ why: 'held', ground: 'art. 17(3)(e)', reason: 'Litige 7', until: later }],
			checklist: [{ number: 1, item: 'paper_notes', ticked_by: 'user:ada', ticked: time }, { number: 2, item: 'Carnet bleu' }] },
		{ id: 'b', type: 'access', state: 'refused', created: time, due: later, answered: time, article: 'art. 12(5)(b)', reason: 'Déjà répondu' },
		{ id: 'c', type: 'restriction', state: 'done', created: time, due: later, lifts: later, answered: time, reason: 'Litige clos', opened_by: 'admin' },
	];
	const { page, at, complaints, context } = await open();
	await at('my-request').nth(2).waitFor();
	assert.match(await at('request-waits').innerText(), /Conservé par obligation légale[\s\S]*art\. 17\(3\)\(e\)[\s\S]*Litige 7/);
	assert.equal(await at('request-extension').innerText(), 'Nombreuses demandes');
	assert.deepEqual(await at('request-item').evaluateAll((all) => all.map(({ dataset }) => dataset.ticked)), ['true', 'false']);
	assert.match(await at('request-item').nth(0).innerText(), /Notes sur papier.*ada/);
	assert.match(await at('request-item').nth(1).innerText(), /Carnet bleu/);
	assert.equal(await at('request-article').innerText(), 'art. 12(5)(b)');
	assert.match(await at('request-lifts').innerText(), /Le gel prend fin/);
	assert.deepEqual(await everyLook(page, 'mine-requests', { looks: ['phone'], shot: { fullPage: true } }), []);
	await at('language-en').click();
	await page.getByText('Paper notes').waitFor();
	assert.deepEqual(complaints, []);
	await context.close();
});

/* R21, R39 */
test('R21 an archive is locked by the person, made, and downloaded', async () => {
	const { page, at, complaints, context } = await open();
	await at('request-type').selectOption('portability');
	await at('request-send').click();
	await at('archive-passphrase').fill('short');
	await at('archive-make').click();
	assert.equal(mock.locks.length, 0, 'too short');
	await at('archive-passphrase').fill('une phrase bien assez longue');
	await at('archive-make').click();
	await at('archive-progress').waitFor();
	assert.deepEqual(mock.locks, [{ passphrase: 'une phrase bien assez longue' }]);
	await at('archive-download').waitFor();
	assert.equal(await at('archive-film').getAttribute('data-films'), '1'); /* R39: what of the other person is in it is said */
	assert.deepEqual(await axe(page), []);
	const [file] = await Promise.all([page.waitForEvent('download'), at('archive-download').click()]);
	assert.equal(file.suggestedFilename(), 'aparte.zip.age');
	const [copy] = await Promise.all([page.waitForEvent('download'), at('copy-markdown').click()]);
	assert.equal(copy.suggestedFilename(), 'data.md');
	assert.deepEqual(complaints, []);
	await context.close();
});

test('R21 an objection names purposes, a rectification what is to change', async () => {
	const { page, at, context } = await open();
	await at('request-type').selectOption('objection');
	await at('object-supervision').check();
	await at('request-send').click();
	await at('my-request').nth(0).waitFor();
	assert.deepEqual(mock.requests[0].purposes, ['supervision']);
	await at('request-type').selectOption('rectification');
	assert.deepEqual(await axe(page), []);
	await at('request-name').fill('Nadia Roche');
	await at('request-send').click();
	await at('my-request').nth(1).waitFor();
	assert.equal(mock.requests[1].changes.name, 'Nadia Roche');
	await context.close();
});

test('R32 either person has a passage erased, and both see it', async () => {
	const time = new Date().toISOString();
	mock.recordings = [{ id: 'a', state: 'sealed', created: time, duration_ms: 120_000, watchable: true,
		passages: [{ from_ms: 60_000, to_ms: 90_000, by: 'coach', state: 'done', time }] }];
	const { page, at, complaints, context } = await open();
	assert.match(await at('passage').innerText(), /1:00 à 1:30 effacé à la demande du coach/);
	await at('passage-ask').locator('summary').click();
	await at('passage-from').fill('0:05');
	await at('passage-to').fill('deux');
	await at('passage-erase').click();
	assert.equal(mock.passages.length, 0, 'not a time');
	await at('passage-to').fill('1:02');
	assert.deepEqual(await axe(page), []);
	await at('passage-erase').click();
	await until(() => mock.passages.length === 1, 'ordered');
	assert.deepEqual(mock.passages[0], { from_ms: 5000, to_ms: 62_000 });
	assert.deepEqual(complaints, []);
	await context.close();
});
