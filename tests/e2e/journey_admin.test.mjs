/*
 * The journeys of an administrator and of an auditor through their pages, against a stand-in, in both languages, on a phone and in the
 * dark, by pointer and by keyboard; with pictures of each view.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { everyLook, inLanguage, shot } from './lib/journey.mjs';
import { until } from './lib/instance.mjs';
import { axe, launch, openPage } from './pages/browser.mjs';
import { logOf, someExpiring, somePreview } from './pages/mock_admin.mjs';
import { Mock } from './pages/mock.mjs';
import { newStaff } from './pages/mock_staff.mjs';

const DAY = 86_400_000;
const at = (ms) => new Date(Date.now() + ms).toISOString();
let mock, browser;

before(async () => {
	mock = await new Mock().start();
	browser = await launch();
});
after(async () => {
	await browser?.close();
	await mock?.stop();
});

const request = (n, type, party, days, detail = '', state = 'open') => ({ id: `q${n}`, session: randomUUID(), tenant: 'nord', reference: `DEM-${n}`, type, party, detail, state, created: at((days - 30) * DAY), due: at(days * DAY) });

/* A programme in its second year. */
function busy(role = 'admin') {
	const staff = newStaff(role), id = (n) => `${n}0000000-2222-4000-8000-000000000000`;
	staff.recordings = [1, 2, 3].map((n) => ({ id: id(n), reference: `NORD-260${n}`, state: 'sealed', created: at(-n * DAY), expires: at(30 * DAY) }));
	staff.requests = [request(1, 'erasure', 'coachee', -2, 'Je ne souhaite plus que cette séance soit conservée.'), request(2, 'access', 'coachee', 3), request(3, 'rectification', 'coach', 21,
		'Mon prénom s’écrit Aliénor.'), request(4, 'portability', 'coachee', 12, '', 'done')];
	staff.incidents = [{ id: randomUUID(), state: 'open', summary: 'Ordinateur portable perdu dans un train', aware: at(-30 * 3_600_000), due: at(42 * 3_600_000), overdue: false, notes: [] }];
	staff.approvals = [{ id: randomUUID(), recording: id(1), reference: 'NORD-2601', who: 'ana', purpose: 'supervision', reason: 'Supervision trimestrielle, séance protégée', needs: ['four_eyes'],
		state: 'pending', asked: at(-DAY), lapses: at(6 * DAY) }];
	staff.desk.holds = [{ id: randomUUID(), recording: id(2), ground: 'RGPD art. 17(3)(e)', reason: 'Litige prud’homal en cours', state: 'in_force', proposed_by: 'user:sam', confirmed_by: 'user:claire',
		created: at(-20 * DAY), ends: at(160 * DAY) }];
	staff.desk.proposals = [{ id: randomUUID(), action: 'hold', proposed_by: 'user:sam', expires: at(DAY / 2), body: { recording: id(3), ground: 'RGPD art. 17(3)(b)', reason: 'Demande du tribunal',
		ends: at(90 * DAY) } }];
	staff.grants = [{ id: randomUUID(), recording: id(1), supervisor: 'ana', purpose: 'supervision', expires: at(20 * DAY) }];
	staff.review = [{ item: 'user:louis', kind: 'user', who: 'louis', role: 'auditor', since: at(-95 * DAY), due: at(-5 * DAY), expires: at(9 * DAY), state: 'due' }];
	staff.admin.expiring = someExpiring(1284, 14);
	staff.admin.kept = someExpiring(3, 1, 99).map((one, i) => ({ ...one, id: id(7 + i), state: 'restricted', expires: at(-4 * DAY), held: true }));
	staff.admin.live = 61; /* more than the list below ever holds */
	staff.admin.running = [{ recording: id(4), session: randomUUID(), tenant: 'nord', reference: 'NORD-2710', begun: at(-22 * 60_000), open: true },
		{ recording: id(5), session: randomUUID(), tenant: 'sud-est', reference: 'SE-114', begun: at(-51 * 60_000), open: false }];
	return staff;
}

beforeEach(() => {
	mock.reset();
	mock.staff = busy();
});

async function signIn(options) {
	const one = await openPage(browser, mock.origin, options);
	await one.page.goto(`${mock.origin}/`);
	await one.at('login-user').fill('claire');
	await one.at('login-password').fill('secret');
	await one.at('login-totp').fill('123456');
	await one.at('login-submit').click();
	await one.page.locator('main:not([aria-busy]) h1').waitFor();
	one.go = async (view) => {
		await one.page.evaluate((hash) => (location.hash = hash), `#/${view}`);
		await one.page.locator(`main[data-view=${view.split('/')[0]}]:not([aria-busy]) h1`).waitFor();
		await one.page.waitForFunction(() => !document.querySelector('[aria-busy="true"]'));
	};
	return one;
}

const count = async (locator) => (await locator.count());
const clean = async (page, name, options) => assert.deepEqual(await everyLook(page, name, options), []);

/* What is recorded, what ends when, what waits: from a month to a day to its recordings; then by keyboard. */
test('admin: the overview, and what ends when, by pointer and by keyboard', async () => {
	const { page, at: hook, complaints, context } = await signIn();
	assert.equal(await page.locator('main').getAttribute('data-view'), 'overview', 'it is their first page');
	await page.waitForFunction(() => !document.querySelector('[aria-busy="true"]'));
	assert.equal(await hook('tile-live').locator('.tile-value').innerText(), '61', 'of all, not of the list');
	assert.equal(await hook('tile-requests').getAttribute('data-tone'), 'late');
	assert.match(await hook('overview-request').first().innerText(), /En retard de 2 j/, 'overdue leads');
	assert.deepEqual(await hook('desk-item').evaluateAll((all) => all.map((one) => one.dataset.view)), ['holds', 'approvals', 'review']);
	assert.equal(await hook('overview-log').getAttribute('data-verdict'), 'holds');
	await clean(page, 'admin-overview', { shot: { fullPage: true } });

	const bars = hook('expiry-bar');
	assert.equal(await count(bars), 12);
	const [month, n] = await bars.nth(1).evaluate((bar) => [bar.dataset.key, Number(bar.dataset.count)]);
	assert.equal(n, mock.staff.admin.expiring.filter(({ expires }) => expires.startsWith(month)).length, 'as many as the vault says');
	await bars.nth(1).click();
	await hook('expiry-list').waitFor();
	assert.equal(await hook('expiry-list').getAttribute('data-period'), month);
	const day = hook('expiry-day').first();
	const wanted = await day.getAttribute('data-day');
	await day.click();
	await page.locator(`[data-testid=expiry-list][data-period="${wanted}"]`).waitFor();
	const ending = mock.staff.admin.expiring.filter(({ expires }) => expires.startsWith(wanted));
	assert.equal(await count(hook('expiry-row')), Math.min(50, ending.length));
	assert.match(await hook('expiry-row').first().innerText(), new RegExp(ending[0].reference));
	await hook('expiry-calendar').scrollIntoViewIfNeeded();
	await clean(page, 'admin-expiries', { languages: ['fr'], looks: ['dark', 'phone'] });

	await page.locator('.chart-bar[tabindex="0"]').focus();
	await page.keyboard.press('End');
	assert.equal(await page.evaluate(() => document.activeElement.dataset.key), await bars.nth(11).getAttribute('data-key'));
	await page.keyboard.press('ArrowLeft');
	await page.keyboard.press('Enter');
	await page.locator(`[data-testid=expiry-list][data-period="${await bars.nth(10).getAttribute('data-key')}"]`).waitFor();
	assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-pressed')), 'true', 'the bar keeps the focus');
	await hook('expiry-kept').click();
	await page.locator('[data-testid=expiry-list][data-period="before"]').waitFor();
	assert.equal(await count(hook('expiry-row')), 3);
	await page.locator('.as-table summary').click();
	assert.equal(await count(hook('expiry-month')), 12, 'the same as a table');
	assert.deepEqual(complaints, []);
	await context.close();
});

test('R16 admin: a change of rules is seen as a picture before it is made', async () => {
	mock.staff.admin.preview = somePreview();
	const { page, at: hook, complaints, context, go } = await signIn();
	await go('policies/default');
	await hook('policy-recording-number').fill('14');
	await hook('policy-preview').click();
	await hook('policy-counts').waitFor();
	assert.match(await hook('picture-at-once').innerText(), /7/);
	assert.match(await hook('picture-unchanged').innerText(), /120/);
	const told = await hook('picture-bar').evaluateAll((all) => all.map((bar) => [bar.dataset.key, Number(bar.dataset.count)]));
	assert.deepEqual(told[0], ['now', 7], 'what goes at once stands first: as many as the tile says');
	assert.deepEqual(told[1], ['held', 2], 'what a hold keeps is not in red');
	const { days, days_before: before } = mock.staff.admin.preview;
	const all = (list) => list.reduce((sum, { count: n }) => sum + n, 0);
	assert.equal(told.reduce((sum, [, n]) => sum + n, 0), all(days) + all(before), 'nothing is lost between the bars');
	await page.evaluate(() => document.querySelector('[data-testid=policy-result]').scrollIntoView());
	await clean(page, 'admin-policy-preview', { languages: ['fr'] });
	await hook('policy-apply').click();
	await until('it is applied', () => mock.staff.admin.applied);
	assert.equal(mock.staff.admin.applied.token, 'tok');
	assert.equal(mock.staff.admin.applied.document.purposes.recording.days, 14);
	assert.deepEqual(complaints, []);
	await context.close();
});

const drop = (page, name, text) => page.setInputFiles('[data-testid=ledger-input]', { name, mimeType: 'application/json', buffer: Buffer.from(text) });
const saidBy = (locator) => locator.getByTestId('ledger-step').evaluateAll((all) => all.map((one) => one.dataset.say));

test('R19 the log is verified in the page: key, signature, continuity, witnesses, receipts', async () => {
	const { page, at: hook, complaints, context, go } = await signIn();
	const log = logOf(mock);
	await hook('overview-log').waitFor();
	await go('ledger');
	assert.deepEqual(await saidBy(hook('ledger-shown')), ['keySame', 'signatureGood', 'continuesSame', 'witnessesSigned'], 'the overview has seen it before');
	assert.deepEqual(await page.evaluate(() => Object.keys(JSON.parse(localStorage.getItem('aparte/log-seen/aparte.example/log/1')))), ['size', 'root']);
	assert.equal(await hook('ledger-verdict').getAttribute('data-verdict'), 'holds');
	const [awake] = log.witnesses;
	awake.sleeps = true;
	await hook('ledger-verify').click();
	await page.locator('[data-testid=ledger-verdict][data-verdict=alone]').waitFor(); /* below the quorum it does not simply hold */
	assert.doesNotMatch(await hook('ledger-verdict').innerText(), /tient/);
	awake.sleeps = false;
	assert.doesNotMatch(await hook('ledger-verdict').innerText(), /Première visite/);
	await page.evaluate(() => localStorage.removeItem('aparte/log-seen/aparte.example/log/1'));
	await hook('ledger-verify').click();
	await until('it says that nothing had been seen', async () => /Première visite/.test(await hook('ledger-verdict').innerText().catch(() => '')));
	log.fill(13);
	await hook('ledger-verify').click();
	await page.locator('[data-testid=ledger-verdict][data-size="33"]').waitFor();
	assert.equal((await saidBy(hook('ledger-shown')))[2], 'continuesGrown');
	assert.match(await hook('ledger-witness').first().innerText(), /temoin\.example[\s\S]*vérifié ici/);
	assert.match(await hook('ledger-witness').nth(1).innerText(), /witness\.example[\s\S]*Pas encore/);

	const erased = log.append(11, { event: 'erased', erased_at: at(-DAY), kek_id: 'aa', unrecoverable_at: 'pending', time: at(-DAY) });
	const certificate = log.receipt(erased, log.size);
	log.fill(5);
	await drop(page, 'certificat.json', JSON.stringify(certificate));
	await page.locator('[data-testid=ledger-file][data-good="false"]').waitFor(); /* the page's log is older than this entry */
	assert.deepEqual(await saidBy(hook('ledger-file').first()), ['proofGood', 'presentShorter']);
	await hook('ledger-verify').click();
	await page.locator(`[data-testid=ledger-verdict][data-size="${log.size}"]`).waitFor();
	await drop(page, 'certificat.json', JSON.stringify(certificate));
	await page.locator('[data-testid=ledger-file][data-good="true"]').waitFor();
	assert.deepEqual(await saidBy(hook('ledger-file').first()), ['proofGood', 'presentGood']);
	await drop(page, 'retouche.json', JSON.stringify({ ...certificate, body: certificate.body.replace('pending', 'whenever') }));
	await until('the altered one is told', async () => (await saidBy(hook('ledger-file').first()))[0] === 'proofBody');
	await drop(page, 'photo.json', '{"no":"receipt"}');
	await until('what is none is told', async () => (await saidBy(hook('ledger-file').first()))[0] === 'proofNone');
	await clean(page, 'admin-ledger', { shot: { fullPage: true } });

	/* Behind the page's back: shorter, then another one of the same length, then another key. */
	const whole = log.leaves;
	log.leaves = whole.slice(0, 20);
	await hook('ledger-verify').click();
	await page.locator('[data-testid=ledger-verdict][data-good="false"]').waitFor();
	assert.equal((await saidBy(hook('ledger-shown'))).at(-1), 'continuesShorter');
	await clean(page, 'admin-ledger-shrunk', { languages: ['fr'], looks: [] });
	log.leaves = [...whole.slice(0, 3), ...whole.slice(4), whole[3]];
	await hook('ledger-verify').click();
	await until('it is another one', async () => (await saidBy(hook('ledger-shown'))).at(-1) === 'continuesOther');
	log.leaves = whole;
	log.fill(1).shown = log.checkpoint().replace(/(\u2014 aparte\S+ )[^\n]{20}/, '$1AAAAAAAAAAAAAAAAAAAA');
	await hook('ledger-verify').click();
	await until('the signature is wrong', async () => (await saidBy(hook('ledger-shown'))).at(-1) === 'signatureBad');
	log.shown = null;
	await page.evaluate(() => localStorage.setItem('aparte/log-key/aparte.example/log/1', 'aparte.example/log/1+00000000+AAAA'));
	await hook('ledger-verify').click();
	await until('the key is another one', async () => (await saidBy(hook('ledger-shown'))).at(-1) === 'keyOther');
	assert.deepEqual(complaints, []);
	await context.close();
});

/* Every other view, clean in both languages; those with most in them on a phone and in the dark too. */
const VIEWS = { requests: ['phone'], holds: [], grants: [], approvals: [], review: [], incidents: ['dark'], register: [], proofs: [], users: [], policies: [], offboarding: [], state: ['phone'] };

test('admin: every view in both languages', async () => {
	const { page, complaints, context, go } = await signIn();
	for (const [view, looks] of Object.entries(VIEWS)) {
		await go(view);
		await clean(page, `admin-${view}`, { looks });
	}
	assert.deepEqual(complaints, []);
	await context.close();
});

/* An auditor has the same pages and not one button that changes something. */
const ACTS = ['hold-new', 'hold-confirm', 'hold-lift-open', 'incident-new', 'incident-add', 'incident-end', 'lockdown-new', 'recipient-new', 'roles-open', 'proof-open', 'proof-confirm', 'leave-new',
	'leave-confirm', 'leave-erase-open', 'review-confirm', 'review-expire', 'policy-preview', 'dead-retry', 'dead-drop', 'dead-retry-all', 'request-new', 'grant-new', 'user-end'];

test('R10 auditor: the same pages, read only, in both languages', async () => {
	mock.staff = busy('auditor');
	mock.staff.desk.opening = [{ id: 'p', proposed_by: 'user:sam', expires: at(DAY), session: randomUUID(), reason: 'Litige' }];
	const { page, at: hook, complaints, context, go } = await signIn({ locale: 'en-GB' });
	await hook('expiry-bar').first().waitFor();
	assert.equal(await count(hook('overview-requests-part')) + await count(hook('overview-desk-part')), 0);
	assert.match(await hook('tile-requests').innerText(), /3/, 'how many wait, without who asks');
	await clean(page, 'auditor-overview', { looks: [], shot: { fullPage: true } });
	const views = await page.locator('nav a').evaluateAll((all) => all.map((one) => one.hash.slice(2)));
	assert.deepEqual(views.filter((view) => ['recordings', 'requests', 'grants', 'approvals', 'users'].includes(view)), []);
	for (const view of [...views.filter((name) => name !== 'overview'), 'policies/default']) {
		await go(view);
		for (const act of ACTS) assert.equal(await count(hook(act)), 0, `${view}: ${act}`);
		assert.deepEqual(await axe(page), [], view);
	}
	await go('state');
	assert.equal(await count(hook('state-doctor')), 0, 'the doctor is for admins');
	await go('holds');
	await shot(page, 'auditor-holds');
	assert.deepEqual(complaints, []);
	await context.close();
});

test('designed states: nothing there, a lost vault, one platform’s admin, ten thousand of everything', async () => {
	mock.staff = newStaff('admin');
	const { page, at: hook, complaints, context, go } = await signIn();
	assert.match(await hook('expiry-summary').innerText(), /Rien ne prend fin/);
	await clean(page, 'admin-empty', { looks: [] });
	for (const view of ['requests', 'holds', 'grants', 'approvals', 'review', 'incidents', 'offboarding']) {
		await go(view);
		assert.equal(await count(page.locator('main .blank')), 1, view);
	}

	const { broken } = mock.staff.admin;
	broken.push([/^GET \/v1\/holds$/, 503, 'vault-unavailable']);
	await page.evaluate(() => (location.hash = '#/holds'));
	await page.locator('[data-testid=view-problem][data-error=vault-unavailable]').waitFor();
	assert.deepEqual(await everyLook(page, 'admin-lost-vault', { looks: [] }), []);
	broken.length = 0;
	await hook('view-again').click();
	await page.locator('main[data-view=holds] h1').waitFor();

	broken.push([/^GET \/v1\/(doctor|backups)$/, 403, 'role'], [/^GET \/v1\/turnovers$/, 500, 'internal']);
	await go('state');
	assert.equal(await count(hook('not-yours')), 2, 'what is every platform’s says so');
	assert.equal(await count(hook('state-turnovers').getByRole('alert')), 1, 'what failed says so by itself');
	assert.equal(await count(hook('state-webhook')), 1, 'the rest is there');
	await shot(page, 'admin-of-one-platform');
	broken.length = 0;

	const long = 'Précisions d’une longueur peu commune '.repeat(12), unbroken = 'x'.repeat(200);
	mock.staff.requests = Array.from({ length: 10_000 }, (_, i) => ({ ...request(i, 'access', 'coachee', i % 40, i ? `${long}${i}` : unbroken), session: `s-${i}` }));
	await go('requests');
	assert.equal(await count(hook('request-row')), 50);
	await hook('request-row-more').click();
	assert.equal(await count(hook('request-row')), 100);
	assert.equal(await hook('requests-open').locator('.tile-value').innerText().then((n) => n.replace(/\s/g, '')), '10000');
	await hook('request-row-search').fill('s-9999');
	await until('it is found', async () => (await count(hook('request-row'))) === 1);
	await hook('request-row-search').fill('');
	assert.deepEqual(await everyLook(page, 'admin-ten-thousand', { languages: ['fr'], looks: ['phone'] }), []);

	const [first] = someExpiring(1);
	mock.staff.admin.expiring = Array.from({ length: 450 }, (_, i) => ({ ...first, id: `${String(i).padStart(8, '0')}-3333-4000-8000-000000000000` }));
	await go('overview');
	await page.locator('[data-testid=expiry-bar]:not([data-count="0"])').click();
	await hook('expiry-row').first().waitFor();
	for (let rows = 100; rows <= 450; rows += 50) {
		await hook('expiry-row-more').click();
		await until(`${rows} rows`, async () => (await count(hook('expiry-row'))) === rows);
	}
	await until('there are no more', () => hook('expiry-row-more').isHidden());
	await page.locator('[data-testid=expiry-bar]:not([data-count="0"])').click();
	await until('it begins anew', async () => (await count(hook('expiry-row'))) === 50);
	await hook('expiry-row-search').fill('00000449');
	await until('what is loaded has it not', async () => (await count(hook('expiry-row'))) === 0);
	await hook('expiry-row-more').click();
	await hook('expiry-row-more').click(); /* two pages more, two presses */
	await until('it is found', async () => (await count(hook('expiry-row'))) === 1);
	assert.deepEqual(complaints, []);
	await context.close();
});

test('by keyboard, and on a phone: past the navigation, into the menu and out', async () => {
	const { page, at: hook, complaints, context, go } = await signIn({ viewport: { width: 390, height: 800 } });
	await go('incidents');
	await page.reload();
	await hook('incident-new').waitFor();
	await page.keyboard.press('Tab');
	assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
	await page.keyboard.press('Enter');
	assert.equal(await page.evaluate(() => document.activeElement.id), 'view');
	await page.keyboard.press('Tab');
	assert.equal(await page.evaluate(() => document.activeElement.dataset.testid), 'incident-new', 'the view’s own first act');
	assert.equal(await hook('nav-requests').isVisible(), false);
	await hook('menu').focus();
	await page.keyboard.press('Enter');
	assert.equal(await hook('menu').getAttribute('aria-expanded'), 'true');
	await shot(page, 'admin-menu-phone');
	assert.deepEqual(await axe(page), []);
	await page.keyboard.press('Escape');
	assert.equal(await hook('nav-requests').isVisible(), false);
	await page.keyboard.press('Enter');
	await hook('nav-requests').focus();
	await page.keyboard.press('Enter');
	await page.locator('main[data-view=requests]:not([aria-busy])').waitFor();
	assert.equal(await page.title(), 'Demandes · Aparté');
	await inLanguage(page, 'en');
	assert.equal(await page.title(), 'Requests · Aparté');
	await hook('request-refuse').first().click();
	assert.match(await hook('request-about').innerText(), /Erasure[\s\S]*DEM-1[\s\S]*nord/, 'whose it is, before the act');
	await page.keyboard.press('Escape');
	await page.locator('dialog').waitFor({ state: 'detached' });
	await hook('request-extend').first().click();
	await hook('request-reason').fill('Complexe');
	await hook('request-extend-confirm').click();
	await until('it is longer', () => mock.staff.requests[0].state === 'extended');
	await until('the focus is in the view', () => page.evaluate(() => document.activeElement.id === 'view'));
	assert.deepEqual(complaints, []);
	await context.close();
});
