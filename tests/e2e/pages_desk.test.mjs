/* The pages of what the operator answers for, against a stand-in: holds, register, state, platforms that leave. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { axe, launch, openPage, shot } from './pages/browser.mjs';
import { Mock } from './pages/mock.mjs';
import { newStaff } from './pages/mock_staff.mjs';

let mock, browser;
const AGE = `age1${'q'.repeat(58)}`;

before(async () => {
	mock = await new Mock().start();
	browser = await launch();
});
after(async () => {
	await browser?.close();
	await mock?.stop();
});
beforeEach(() => {
	mock.reset();
	mock.staff = { ...newStaff('admin'), recordings: [{ id: '00000001-0000-4000-8000-000000000000', reference: 'Séance 1', state: 'sealed', created: new Date().toISOString() }] };
});

async function until(condition, what) {
	for (let i = 0; i < 100; i++) {
		if (await condition()) return;
		await new Promise((done) => setTimeout(done, 100));
	}
	assert.fail(`never: ${what}`);
}

async function open(view, options) {
	const one = await openPage(browser, mock.origin, options);
	await one.page.goto(`${mock.origin}/`);
	await one.at('login-user').fill('claire');
	await one.at('login-password').fill('secret');
	await one.at('login-totp').fill('123456');
	await one.at('login-submit').click();
	await one.page.locator('main.staff h1').waitFor();
	await one.at(`nav-${view}`).click();
	await one.page.locator(`main[data-view=${view}] h1`).waitFor();
	return one;
}

/* R20: one admin proposes, another confirms; lifting takes two as well, and says so. */
test('R20 holds: proposed, confirmed by another, lifted by two', async () => {
	const { page, at, complaints, context } = await open('holds');
	await at('hold-new').click();
	await at('hold-ground').fill('art. 17(3)(e)');
	await at('hold-reason').fill('Litige en cours');
	assert.deepEqual(await axe(page), []);
	await at('hold-propose').click();
	await at('hold-proposal').waitFor();
	assert.equal(await at('hold-confirm').count(), 0, 'never one’s own');
	assert.match(mock.staff.desk.proposals[0].body.ends, /T23:59:59\.000Z$/);
	mock.staff.desk.proposals[0].proposed_by = 'user:sam';
	await page.reload();
	await at('hold-confirm').click();
	await at('hold-row').waitFor();
	assert.match(await at('hold-row').innerText(), /Séance 1[\s\S]*Litige en cours/);
	await shot(page, 'desk-holds');
	assert.deepEqual(await axe(page), []);
	await at('hold-lift-open').click();
	await at('hold-lift-confirm').click();
	await until(async () => (await at('hold-lift-open').count()) === 0, 'waits for the other admin');
	mock.staff.desk.proposals[0].proposed_by = 'user:sam';
	await page.reload();
	await at('hold-lift-open').click();
	await at('hold-lift-reason').fill('Affaire close');
	await at('hold-lift-confirm').click();
	await until(() => mock.staff.desk.holds[0].state === 'lifted', 'lifted');
	assert.equal(mock.staff.desk.holds[0].lift_reason, 'Affaire close');
	assert.deepEqual(complaints, []);
	await context.close();
});

/* R24, R25, R26. */
test('R24 R25 R26 the register, recipients, roles and disclosures', async () => {
	const { page, at, complaints, context } = await open('register');
	assert.match(await at('register-operator').innerText(), /Aparté SARL[\s\S]*Analyse d’impact\s+À compléter/);
	assert.match(await at('register-activity').innerText(), /Enregistrer la séance[\s\S]*30 jours/);
	assert.match(await at('disclosure-row').innerText(), /claire[\s\S]*Visionnage[\s\S]*nord/);
	assert.equal(await at('register-md').getAttribute('href'), '/v1/register?format=md&lang=fr');
	await at('recipient-new').click();
	await at('recipient-name').fill('Hébergeur');
	await at('recipient-role').selectOption('sub_processor');
	await at('recipient-place').fill('Lyon');
	await at('recipient-purpose').fill('hébergement');
	assert.deepEqual(await axe(page), []);
	await at('recipient-add').click();
	await at('recipient-row').waitFor();
	const { id, since, ...sent } = mock.staff.desk.recipients[0];
	assert.deepEqual([id, Boolean(since), sent], [1, true, { name: 'Hébergeur', role: 'sub_processor', place: 'Lyon', purpose: 'hébergement' }]);
	await at('roles-open').click();
	await at('roles-capacity').selectOption('joint');
	await at('roles-agreement').fill('ART26-1');
	await at('roles-save').click();
	await until(() => mock.staff.desk.tenants[0].agreement === 'ART26-1', 'roles are set');
	await until(async () => /ART26-1/.test(await at('register-tenant').innerText()), 'and shown');
	assert.equal(await page.locator('dialog').count(), 0);
	assert.equal(mock.staff.desk.tenants[0].controller, 'Nord SAS', 'what was there is offered again');
	await shot(page, 'desk-register');
	assert.deepEqual(await axe(page), []);
	await at('recipient-end').click();
	await until(async () => (await at('recipient-end').count()) === 0, 'ended');
	assert.deepEqual(complaints, []);
	await context.close();
});

test('the state: each part by itself, what is bad said', async () => {
	const one = await open('state');
	assert.match(await one.at('state-check').nth(1).innerText(), /backup[\s\S]*Mauvais[\s\S]*8 days/);
	assert.match(await one.at('state-lockdown').innerText(), /Ouvert[\s\S]*sam, claire/);
	assert.match(await one.at('state-turnovers').innerText(), /Effacements qui attendent\s+3/);
	assert.match(await one.at('state-backups').innerText(), /Échoué[\s\S]*disk full[\s\S]*Réussi/);
	assert.match(await one.at('state-dead').innerText(), /: 2$/);
	assert.match(await one.at('state-witnesses').innerText(), /1 \/ 2[\s\S]*witness\.example/);
	await shot(one.page, 'desk-state');
	await one.at('dead-drop').first().click();
	await until(async () => (await one.at('state-letter').count()) === 1, 'one is dropped');
	await one.at('dead-retry').click();
	await until(async () => (await one.at('state-letter').count()) === 0, 'the other is tried again');
	assert.match(await one.at('state-dead').innerText(), /: 0$/);
	assert.deepEqual(await axe(one.page), []);
	assert.deepEqual(one.complaints, []);
	await one.context.close();
});

/* R30: two admins, what waits and why, both parts of the certificate. */
test('R30 a platform leaves: proposed, confirmed, erased, certified', async () => {
	const { page, at, complaints, context } = await open('offboarding');
	await at('leave-new').click();
	await at('leave-recipient').fill('age1short');
	await at('leave-reason').fill('Fin de contrat');
	await at('leave-propose').click();
	assert.equal(mock.staff.desk.leaving.length, 0, 'no recipient of that form');
	await at('leave-recipient').fill(AGE);
	assert.deepEqual(await axe(page), []);
	await at('leave-propose').click();
	await at('leave-proposal').waitFor();
	assert.equal(await at('leave-confirm').count(), 0, 'never one’s own');
	mock.staff.desk.leaving[0].proposed_by = 'user:sam';
	await page.reload();
	await at('leave-confirm').click();
	await at('leave-card').waitFor();
	assert.match(await at('leave-card').innerText(), /aparte tenant export nord/);
	await at('leave-erase-open').click();
	await at('leave-unexported').fill('Ils n’emportent rien');
	await at('leave-erase-confirm').click();
	await at('leave-waiting').waitFor();
	assert.match(await at('leave-waiting').innerText(), /Conservation légale[\s\S]*art\. 17\(3\)\(e\)/);
	assert.equal(mock.staff.desk.offboardings[0].unexported, 'Ils n’emportent rien');
	await shot(page, 'desk-leaving');
	assert.deepEqual(await axe(page), []);
	Object.assign(mock.staff.desk.offboardings[0], { state: 'erased', recordings_erased: 2, waiting: [], certificate: true });
	await page.reload();
	await at('leave-certificate-open').click();
	await at('leave-certificate').waitFor();
	assert.equal(await at('leave-certificate').getAttribute('data-verified'), 'true');
	assert.match(await at('leave-certificate-unrecoverable').innerText(), /Aucune copie/);
	await shot(page, 'desk-certificate');
	assert.deepEqual(await axe(page), []);
	assert.deepEqual(complaints, []);
	await context.close();
});

/* R40: the archive is restricted: a list without what it says, opened by two with a reason. */
test('R40 proofs: listed, opened by two admins with a reason', async () => {
	const { page, at, complaints, context } = await open('proofs');
	assert.match(await at('proof-row').innerText(), /nord/);
	await at('proof-open').click();
	await at('proof-propose').click();
	assert.equal(mock.staff.desk.opening.length, 0, 'a reason is asked for');
	await at('proof-reason').fill('Litige 7');
	assert.deepEqual(await axe(page), []);
	await at('proof-propose').click();
	await at('proof-proposal').waitFor();
	assert.equal(await at('proof-confirm').count(), 0, 'never one’s own');
	mock.staff.desk.opening[0].proposed_by = 'user:sam';
	await page.reload();
	await at('proof-confirm').click();
	await at('proof-opened').waitFor();
	const saving = page.waitForEvent('download');
	await at('proof-save').click();
	assert.match((await saving).suggestedFilename(), /^proof-.*\.json$/);
	await shot(page, 'desk-proofs');
	assert.deepEqual(await axe(page), []);
	assert.deepEqual(complaints, []);
	await context.close();
});
