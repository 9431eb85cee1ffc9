/* The pages of staff, against a stand-in for the vault's listener. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { axe, launch, openPage, shot } from './pages/browser.mjs';
import { Mock } from './pages/mock.mjs';
import { newStaff } from './pages/mock_staff.mjs';

let mock, browser;

before(async () => {
	mock = await new Mock().start();
	browser = await launch();
});
after(async () => {
	await browser?.close();
	await mock?.stop();
});

const recording = (n, state = 'sealed') => ({
	id: `0000000${n}-0000-4000-8000-000000000000`.slice(-36), session: 's', reference: `Séance ${n}`, state,
	created: new Date(Date.now() - n * 3_600_000).toISOString(), expires: new Date(Date.now() + 86_400_000).toISOString(),
	duration_ms: 12_000, purposes: ['supervision', 'quality'], epochs: [{ number: 1 }, { number: 2 }],
});

beforeEach(() => {
	mock.reset();
	mock.staff = newStaff();
	mock.staff.recordings = [recording(1), recording(2, 'erased')];
});

async function until(condition, what) {
	for (let i = 0; i < 100; i++) {
		if (await condition()) return;
		await new Promise((done) => setTimeout(done, 100));
	}
	assert.fail(`never: ${what}`);
}

async function signIn(options) {
	const one = await openPage(browser, mock.origin, options);
	await one.page.goto(`${mock.origin}/`);
	await one.at('login-user').fill('claire');
	await one.at('login-password').fill('secret');
	await one.at('login-totp').fill('123456');
	await one.at('login-submit').click();
	await one.at('logout').waitFor();
	return one;
}

test('admin: erasure with a certificate verified in the page; never a way to play', async () => {
	mock.staff = { ...newStaff('admin'), recordings: mock.staff.recordings };
	const { page, at, complaints, context } = await signIn();
	await at('nav-recordings').click();
	await at('recording-erase').click();
	assert.deepEqual(await axe(page), []);
	assert.equal(await at('recording-open').count(), 0);
	await at('erase-confirm').click();
	await at('certificate').waitFor();
	assert.equal(await at('certificate').getAttribute('data-verified'), 'true');
	await shot(page, 'admin-certificate');
	assert.deepEqual(await axe(page), []);
	await at('certificate-close').click();
	await until(async () => (await at('recording-erase').count()) === 0, 'listed as erased');
	assert.deepEqual(complaints, []);
	await context.close();
});

test('admin: grants, requests, accesses', async () => {
	const time = new Date().toISOString();
	mock.staff = { ...newStaff('admin'), recordings: mock.staff.recordings,
		requests: [{ id: 'r1', party: 'coachee', type: 'erasure', detail: 'Merci', state: 'open', created: time, due: new Date(Date.now() + 3 * 86_400_000).toISOString() }],
		accesses: [{ id: 'a1', recording: recording(1).id, who: 'user:claire', purpose: 'supervision', reason: 'Mensuelle', begun: time }] };
	const { page, at, complaints, context } = await signIn();
	await at('nav-grants').click();
	await at('grant-new').click();
	await at('grant-supervisor').fill('claire');
	assert.deepEqual(await axe(page), []);
	await at('grant-create').click();
	await at('grant-row').waitFor();
	assert.equal(mock.staff.grants[0].supervisor, 'claire');
	assert.match(mock.staff.grants[0].expires, /T23:59:59\.000Z$/);
	await at('grant-revoke').click();
	await until(async () => (await at('grant-revoke').count()) === 0, 'revoked');
	await at('nav-requests').click();
	await at('request-row').waitFor();
	await shot(page, 'admin-requests');
	assert.deepEqual(await axe(page), []);
	await at('request-refuse').click();
	await at('request-reason').fill('Obligation légale');
	await at('request-refuse-confirm').click();
	assert.equal(mock.staff.requests[0].state, 'open', 'a refusal names its article');
	await at('request-article').fill('art. 17(3)(b)');
	await at('request-refuse-confirm').click();
	await until(() => mock.staff.requests[0].state === 'refused', 'refused with its reason');
	await at('nav-accesses').click();
	await at('access-row').waitFor();
	assert.deepEqual(await axe(page), []);
	assert.deepEqual(complaints, []);
	await context.close();
});

/* R23, R18: a named person ticks what lay outside the system; one is opened for somebody who wrote a letter. */
test('R23 the checklist is ticked, and a request opened on behalf', async () => {
	const created = new Date().toISOString(), due = new Date(Date.now() - 1000).toISOString();
	mock.staff.role = 'admin';
	mock.staff.requests = [{ id: 'q1', type: 'erasure', party: 'coachee', state: 'done', created, due, answered: created, reason: 'erased', days_left: -1,
		checklist: [{ number: 1, item: 'paper_notes' }] }];
	const { page, at, complaints, context } = await signIn();
	await at('nav-requests').click();
	await at('request-tick').click();
	await at('request-note').fill('Broyées');
	await at('request-tick-confirm').click();
	await until(async () => (await at('request-item').getAttribute('data-ticked')) === 'true', 'ticked');
	assert.match(await at('request-item').innerText(), /claire/);
	await at('request-new').click();
	await at('request-session').fill('00112233-4455-4677-8899-aabbccddeeff');
	await at('request-open-type').selectOption('access');
	assert.deepEqual(await axe(page), []);
	await at('request-open-confirm').click();
	await until(() => mock.staff.requests.length === 2, 'opened');
	assert.deepEqual(complaints, []);
	await context.close();
});

test('R14 an access that needs a second person waits among the approvals; the other one approves', async () => {
	mock.staff.needsWord = true;
	const one = await signIn();
	await one.at('recording-open').first().click();
	await one.at('access-purpose').selectOption('supervision');
	await one.at('access-reason').fill('Supervision mensuelle');
	await one.at('access-begin').click();
	await one.at('approval-row').waitFor();
	assert.equal(await one.at('approval-approve').count(), 0, 'never one’s own');
	await one.context.close();
	Object.assign(mock.staff, { role: 'admin', user: 'claire' });
	mock.staff.approvals[0].who = 'sam';
	const two = await signIn();
	await two.at('nav-approvals').click();
	await two.at('approval-approve').click();
	await until(() => mock.staff.approvals[0].state === 'approved', 'approved');
	await two.at('approval-deny').waitFor();
	assert.deepEqual(await axe(two.page), []);
	await shot(two.page, 'admin-approvals');
	assert.deepEqual(two.complaints, []);
	await two.context.close();
});

test('R11 the review: each item confirmed or ended, never one’s own account confirmed', async () => {
	const time = new Date().toISOString();
	mock.staff = { ...newStaff('admin'), review: ['user:old', 'user:claire'].map((item) =>
		({ item, kind: 'user', who: item.slice(5), role: 'auditor', since: time, due: time, expires: time, state: 'due' })) };
	const { page, at, complaints, context } = await signIn();
	await at('nav-review').click();
	await at('review-row').first().waitFor();
	assert.equal(await at('review-confirm').count(), 1);
	assert.deepEqual(await axe(page), []);
	await at('review-confirm').click();
	await until(() => mock.staff.review.length === 1, 'confirmed');
	assert.deepEqual(complaints, []);
	await context.close();
});

test('R28 an incident is opened, noted and closed; its date is there; the lockdown asks first', async () => {
	mock.staff = newStaff('admin');
	const { page, at, complaints, context } = await signIn();
	await at('nav-incidents').click();
	await at('incident-new').click();
	await at('incident-summary').fill('a laptop was lost');
	await at('incident-create').click();
	await at('incident-row').waitFor();
	assert.match(await at('incident-row').innerText(), /a laptop was lost/);
	assert.deepEqual(await axe(page), []);
	await shot(page, 'admin-incidents');
	assert.match(await at('incident-report').getAttribute('href'), /\/report\?format=md&lang=(fr|en)$/);
	await at('incident-add').click();
	await at('incident-text').fill('found again');
	await at('incident-note-add').click();
	await until(() => mock.staff.incidents[0].notes.length === 1, 'noted');
	await at('incident-end').click();
	await at('incident-outcome').selectOption('no-risk');
	await at('incident-why').fill('encrypted');
	assert.deepEqual(await axe(page), []);
	await at('incident-closing').click();
	await until(() => mock.staff.incidents[0].state === 'closed', 'closed');
	await at('lockdown-new').click();
	await at('lockdown-reason').fill('drill');
	assert.equal(mock.staff.lockdown, undefined);
	await at('lockdown-confirm').click();
	await until(() => mock.staff.lockdown === 'drill', 'locked down');
	assert.deepEqual(complaints, []);
	await context.close();
});

test('R11 one’s own password: a weak one in words, then changed', async () => {
	const { page, at, complaints, context } = await signIn();
	await at('nav-account').click();
	await at('account-password').fill('secret');
	await at('account-totp').fill('123456');
	await at('account-new').fill('password1234');
	await at('account-change').click();
	await at('account-problem').waitFor();
	assert.equal(await at('account-problem').getAttribute('data-error'), 'weak');
	assert.deepEqual(await axe(page), []);
	await at('account-totp').fill('123457');
	await at('account-new').fill('orage tulipe wagon seize');
	await at('account-change').click();
	await at('account-done').waitFor();
	assert.equal(mock.staff.chosen, 'orage tulipe wagon seize');
	assert.deepEqual(complaints, []);
	await context.close();
});
