/* The page of a person, against a stand-in for the gateway, in a real browser. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, afterEach, test } from 'node:test';
import { axe, everyLook, launch, makeAnswerer, openPage, shot } from './pages/browser.mjs';
import { Mock, TOKEN } from './pages/mock.mjs';

let mock, browser, answerer, opened;

before(async () => {
	mock = await new Mock().start();
	browser = await launch();
	answerer = await makeAnswerer(browser);
});
after(async () => {
	await browser?.close();
	await mock?.stop();
});
beforeEach(() => {
	mock.reset();
	mock.answerer = (sdp) => answerer.answer(sdp);
});
afterEach(async () => {
	if (!opened) return;
	const { complaints, context } = opened;
	opened = null;
	await context.close();
	assert.deepEqual(complaints, []);
});

async function open(options) {
	opened = await openPage(browser, mock.origin, { portrait: 'coachee', ...options });
	await opened.page.goto(`${mock.origin}/join#${TOKEN}`);
	return opened;
}

async function join(options) {
	const one = await open(options);
	await one.at('join-start').click();
	await one.at('gate-state').waitFor();
	await one.at('consent-purpose-recording').waitFor();
	return one;
}

const attribute = (locator, name) => locator.getAttribute(name);
async function until(condition, what) {
	for (let i = 0; i < 100; i++) {
		if (await condition()) return;
		await new Promise((done) => setTimeout(done, 100));
	}
	assert.fail(`never: ${what}`);
}

test('lobby: token out of the address bar, limits told (R33), nothing sent before joining', async () => {
	const { page, at } = await open();
	await at('join-start').waitFor();
	assert.equal(new URL(page.url()).hash, '');
	assert.match(await page.locator('.limits').innerText(), /danger/);
	assert.equal(mock.offers, 0);
	assert.equal(mock.statements.length, 0);
	await until(() => page.getByTestId('choose-video').locator('option').count(), 'cameras listed');
	await until(() => page.evaluate(() => document.querySelector('.level').style.getPropertyValue('--level') > '0'), 'level moves');
	assert.match(await page.getByTestId('company').innerText(), /Dominique n’est pas encore là/);
	mock.party.peer.connected = true;
	await page.getByTestId('company').getByText('Dominique est déjà là.').waitFor({ timeout: 8000 });
});

test('what is switched off in the lobby stays off in the call, and over a reload', async () => {
	const { page, at } = await open();
	await until(async () => (await attribute(at('lobby-mute'), 'aria-pressed')) === 'true', 'microphone on');
	await at('lobby-mute').click();
	await at('lobby-camera').click();
	await at('join-start').click();
	for (const id of ['mute', 'camera']) assert.equal(await attribute(at(id), 'aria-pressed'), 'false', id);
	await page.reload();
	await at('gate-state').waitFor();
	await until(() => mock.offers === 2, 'reconnected');
	for (const id of ['mute', 'camera']) assert.equal(await attribute(at(id), 'aria-pressed'), 'false', `${id} after a reload`);
	await at('mute').click();
	await until(async () => (await attribute(at('mute'), 'aria-pressed')) === 'true', 'heard again');
});

test('a coach reads what binds a coach (R33)', async () => {
	mock.party.role = 'coach';
	const { page } = await open();
	await page.locator('.limits').waitFor();
	const words = await page.locator('.limits').innerText();
	assert.match(words, /Vous êtes tenu au secret[\s\S]*vous pouvez devoir alerter/);
	assert.doesNotMatch(words, /coach (est tenu|peut)/);
});

test('devices can be changed in the midst of a call', async () => {
	const { page, at } = await join();
	await at('close-panel').click();
	await at('settings').click();
	await at('change-audio').waitFor();
	assert.deepEqual(await everyLook(page, 'call-devices', { looks: [], languages: ['fr'] }), []);
	await page.keyboard.press('Escape');
	await at('settings-dialog').waitFor({ state: 'detached' });
});

const title = (page) => page.evaluate(() => document.title);

/* Lets the page's timers that are due within that time come at once. */
async function later(page, ms) {
	await page.clock.fastForward(ms);
}

/* In a call that is recorded, its clock in the test's hand. */
async function recorded() {
	mock.party.consents = { recording: 'ConsentGiven' };
	opened = await openPage(browser, mock.origin);
	const { page, at } = opened;
	await page.clock.install();
	await page.goto(`${mock.origin}/join#${TOKEN}`);
	await at('join-start').click();
	await at('given-recording').waitFor({ state: 'attached' });
	mock.gate('open', [], { generation: '3' });
	await until(async () => (await title(page)).includes('Enregistrement en cours'), 'recorded');
	return opened;
}

test('an event stream that falls silent without a word: nothing is known, and the title says recorded no more', async () => {
	const { page, at } = await recorded();
	mock.eventsFail = true;
	await later(page, 6000);
	assert.match(await title(page), /Enregistrement en cours/, 'a heartbeat may be late');
	await later(page, 7000);
	await until(async () => (await attribute(at('gate-state'), 'data-reasons')) === 'unknown', 'unknown');
	await until(async () => (await title(page)) === 'Aparté', 'the title too');
	assert.match(await at('gate-state').innerText(), /pas connu/);
});

test('a withdrawal that may not have arrived: said so, and this page vouches for nobody until it has', async () => {
	const { page, at } = await recorded();
	await until(() => mock.presences.length, 'present');
	mock.consentsFail = [429, 'rate'];
	await at('withdraw').click();
	await at('consent-problem').waitFor();
	assert.equal(await attribute(at('consent-problem'), 'data-error'), 'decision-late');
	assert.match(await at('consent-problem').innerText(), /peut continuer/);
	const before = mock.presences.length;
	for (let i = 0; i < 2; i++) {
		const asked = mock.consentsAsked;
		await later(page, 5100);
		await until(() => mock.consentsAsked > asked, 'repeated');
	}
	assert.equal(mock.presences.length, before);
	mock.consentsFail = false;
	await until(() => mock.statements.length === 1, 'delivered');
});

test('after leaving a session that is recorded the title no longer says so', async () => {
	const { page, at } = await recorded();
	await at('leave').click();
	await at('my-data').waitFor();
	await later(page, 2000);
	assert.equal(await title(page), 'Aparté');
});

test('a link that expires during the call ends in its own words', async () => {
	const { at } = await join();
	mock.tokenProblem = 'token-expired';
	for (const stream of mock.streams) stream.destroy();
	await at('fatal').waitFor();
	assert.equal(await attribute(at('fatal'), 'data-error'), 'token-expired');
});

test('call: media both ways on one offer with audio, camera and screen; both pictures move', async () => {
	const { page, at } = await join();
	mock.change({ peer: { name: 'Dominique', connected: true } });
	for (const id of ['peer-video', 'self-video'])
		await until(() => at(id).evaluate((video) => video.videoWidth > 0 && video.currentTime > 0), id);
	assert.deepEqual([...mock.lastOffer.matchAll(/^m=(\w+)/gm)].map(([, kind]) => kind), ['audio', 'video', 'video']);
	assert.match(mock.lastOffer, /a=group:BUNDLE 0 1 2/);
	assert.equal(mock.offers, 1);
	await until(async () => (await attribute(page.locator('.stage'), 'data-peer')) === 'on', 'peer shown');
	await at('close-panel').click();
	assert.deepEqual(await everyLook(page, 'call-view', { looks: [], languages: ['en'] }), []);
	await at('leave').click();
	await at('my-data').waitFor();
});

test('consent: nothing ticked, equal weight, own hash verified, receipt verified, gate told in words', async () => {
	const { page, at } = await join();
	assert.equal(await at('consent-purpose-recording').isChecked(), false);
	assert.equal(await at('consent-purpose-supervision').isChecked(), false);
	const style = (id) => at(id).evaluate((node) => {
		const { backgroundColor, color, borderColor, fontSize, fontWeight } = getComputedStyle(node);
		return { backgroundColor, color, borderColor, fontSize, fontWeight, width: Math.round(node.offsetWidth), height: node.offsetHeight };
	});
	assert.deepEqual(await style('consent-accept'), await style('consent-refuse'));
	assert.match(await at('notice-text').innerText(), /deux accords/);
	assert.match(await attribute(at('gate-state'), 'data-reasons'), /consent_missing/);
	assert.match(await at('gate-state').innerText(), /Non enregistré[\s\S]*pas tous les deux/);
	await at('consent-accept').click();
	assert.equal(await attribute(at('consent-problem'), 'data-error'), 'nothing-ticked');
	assert.equal(mock.statements.length, 0);
	await at('consent-purpose-recording').check();
	await at('consent-accept').click();
	await at('receipt-status').waitFor();
	assert.equal(await attribute(at('receipt-status'), 'data-verified'), 'true');
	const [statement] = mock.statements;
	assert.equal(statement.event, 'ConsentGiven');
	assert.deepEqual(statement.purposes, ['recording']);
	assert.equal(statement.schema_version, '1');
	assert.equal(statement.indication_method, 'button');
	assert.equal(statement.presence, 5);
	assert.equal(statement.pii_principal, 'p-1');
	await at('given-recording').waitFor();
	assert.deepEqual(await everyLook(page, 'call-given', { looks: ['dark', 'phone'], languages: ['fr'] }), []);
});

test('gate: open is seen, heard of and kept alive by presence; anything unknown counts as closed', async () => {
	const { page, at } = await join();
	await at('consent-purpose-recording').check();
	await at('consent-accept').click();
	await at('given-recording').waitFor();
	mock.gate('open', [], { generation: '9223372036854775807' });
	await until(async () => (await attribute(at('gate-state'), 'data-state')) === 'open', 'open');
	assert.match(await page.locator('.announcement').innerText(), /commence/);
	await until(() => mock.presences.length >= 2, 'two presences');
	assert.equal(mock.presences[0].generation, '9223372036854775807');
	assert.ok(mock.presences[1].counter > mock.presences[0].counter);
	await at('close-panel').click();
	mock.gate('ajar', []);
	await until(async () => (await attribute(at('gate-state'), 'data-state')) === 'closed', 'closed');
	await until(async () => (await at('gate-state').innerText()).includes('pas connu'), 'unknown in words');
	assert.match(await page.locator('.announcement').innerText(), /commence/);
	mock.gate('closed', ['moonlight']);
	await until(async () => /arrêté/.test(await page.locator('.announcement').innerText()), 'stop announced');
	assert.match(await at('gate-state').innerText(), /Non enregistré/);
});

test('a gate that closed for want of presence hears of this page again', async () => {
	const { at } = await join();
	await at('consent-purpose-recording').check();
	await at('consent-accept').click();
	await at('given-recording').waitFor();
	mock.gate('closed', ['presence'], { generation: '7' });
	await until(() => mock.presences.some(({ generation }) => generation === '7'), 'a presence');
	await until(() => mock.presences.length >= 2, 'and another');
	assert.ok(mock.presences[1].counter > mock.presences[0].counter);
});

test('a bare 64-bit generation survives', async () => {
	const { at } = await join();
	await at('consent-purpose-recording').check();
	await at('consent-accept').click();
	await at('given-recording').waitFor();
	mock.party.gate = { state: 'open', reasons: [], epoch: 1 };
	for (const stream of mock.streams)
		stream.write('event: gate\ndata: {"state":"open","reasons":[],"generation":9223372036854775805}\n\n');
	await until(() => mock.presences.length >= 1, 'a presence');
	assert.equal(mock.presences[0].generation, '9223372036854775805');
});

/* Where the focus is: a part of the page, never lost to the beginning of it. */
const focus = (page) => page.evaluate(() => document.activeElement?.dataset.testid ?? document.activeElement?.tagName);

test('off the record and withdrawal are one click each', async () => {
	const { page, at } = await join();
	assert.equal(await at('withdraw').isVisible(), false);
	await at('consent-purpose-recording').check();
	await at('consent-accept').click();
	await at('given-recording').waitFor();
	await at('pause').click();
	await at('resume').waitFor();
	assert.deepEqual(mock.pauses, [true]);
	assert.equal(await focus(page), 'resume');
	assert.match(await at('gate-state').innerText(), /Hors enregistrement/);
	await at('resume').click();
	await until(async () => (await at('gate-state').innerText()).includes('en attente'), 'waits for the other');
	assert.equal(await at('resume').isVisible(), false);
	assert.equal(await focus(page), 'gate-state');
	mock.party.paused = { self: false, peer: false };
	mock.gate('open', [], { generation: '7' });
	await at('withdraw').click();
	await until(() => mock.statements.length === 2, 'withdrawn');
	assert.equal(mock.statements[1].event, 'ConsentWithdrawn');
	assert.deepEqual(mock.statements[1].purposes, ['recording']);
	assert.ok(mock.statements[1].event_time > mock.statements[0].event_time);
	await until(async () => !(await at('withdraw').isVisible()), 'nothing left to withdraw');
	assert.equal(await focus(page), 'gate-state');
});

/* Tab until that control has the focus, as a person without a pointer goes there; the focus must be seen. */
async function tabTo(page, id) {
	for (let i = 0; i < 60; i++) {
		await page.keyboard.press('Tab');
		const at = await page.evaluate(() => ({ id: document.activeElement?.dataset.testid, ring: getComputedStyle(document.activeElement).outlineStyle }));
		if (at.id !== id) continue;
		assert.notEqual(at.ring, 'none', `${id} shows its focus`);
		return;
	}
	assert.fail(`no way by keyboard to ${id}`);
}

test('by keyboard alone: in, agree, off the record, withdraw, leave', async () => {
	const { page, at } = await open();
	await at('join-start').waitFor();
	await tabTo(page, 'join-start');
	await page.keyboard.press('Enter');
	await at('consent-purpose-recording').waitFor();
	await tabTo(page, 'consent-purpose-recording');
	await page.keyboard.press('Space');
	await tabTo(page, 'consent-accept');
	await page.keyboard.press('Enter');
	await at('given-recording').waitFor();
	assert.equal(mock.statements[0].indication_method, 'keyboard');
	await tabTo(page, 'pause');
	await page.keyboard.press('Enter');
	await until(() => mock.pauses.length === 1, 'off the record');
	await tabTo(page, 'withdraw');
	await page.keyboard.press('Enter');
	await until(() => mock.statements.length === 2, 'withdrawn');
	assert.equal(mock.statements[1].event, 'ConsentWithdrawn');
	for (const id of ['mute', 'camera', 'share-screen', 'settings', 'leave']) await tabTo(page, id);
	await page.keyboard.press('Enter');
	await at('my-data').waitFor();
});

test('refusal: as easy, no reminder, the panel stays away after a reload', async () => {
	const { page, at } = await join();
	await at('consent-refuse').click();
	await until(() => mock.statements.length === 1, 'refused');
	assert.equal(mock.statements[0].event, 'ConsentRefused');
	assert.deepEqual(mock.statements[0].purposes, ['recording', 'supervision']);
	await until(async () => (await attribute(at('consent-summary'), 'data-state')) === 'ConsentRefused', 'told');
	assert.equal(await focus(page), 'consent-summary');
	assert.equal(await attribute(at('open-consent'), 'aria-expanded'), 'true');
	await at('close-panel').click();
	assert.equal(await focus(page), 'open-consent');
	assert.equal(await attribute(at('open-consent'), 'aria-expanded'), 'false');
	await page.reload();
	await at('gate-state').waitFor();
	await until(() => mock.offers === 2, 'reconnected by itself');
	assert.equal(await at('consent-panel').isVisible(), false);
	assert.equal(new Set(mock.devices).size, 1);
	await at('open-consent').click();
	await at('consent-purpose-recording').waitFor();
});

test('nothing tells of the peer’s refusal', async () => {
	const { page, at } = await join();
	mock.change({ peer: { name: 'Dominique', connected: true, consents: { recording: 'ConsentRefused' } } });
	await until(async () => (await page.locator('.stage').innerText()).includes('Dominique') || (await attribute(page.locator('.stage'), 'data-peer')) === 'on', 'peer');
	assert.doesNotMatch(await page.locator('body').innerText(), /Dominique.*refus/i);
	assert.match(await at('gate-state').innerText(), /pas tous les deux/);
});

test('a forged receipt and a notice that is not what it says are told', async () => {
	mock.forge = true;
	const { at } = await join();
	await at('consent-purpose-recording').check();
	await at('consent-accept').click();
	await at('receipt-status').waitFor();
	assert.equal(await attribute(at('receipt-status'), 'data-verified'), 'false');
	await opened.context.close();
	mock.badNotice = true;
	mock.party.consents = {};
	const other = await open();
	await other.at('join-start').click();
	await other.at('consent-problem').waitFor();
	assert.equal(await other.at('consent-accept').count(), 0);
});

test('withdrawing works when the notice cannot be had', async () => {
	mock.party.consents = { recording: 'ConsentGiven' };
	mock.noticeFails = true;
	const { at } = await open();
	await at('join-start').click();
	await at('withdraw').click();
	await until(() => mock.statements.length === 1, 'withdrawn');
	assert.equal(mock.statements[0].event, 'ConsentWithdrawn');
});

test('a withdrawal that the vault could not take is repeated until it did, over a reload too', async () => {
	mock.party.consents = { recording: 'ConsentGiven' };
	mock.consentsFail = true;
	const { page, at } = await open();
	await at('join-start').click();
	await at('withdraw').click();
	await at('consent-problem').waitFor();
	assert.equal(await attribute(at('consent-problem'), 'data-error'), 'decision-kept');
	await until(() => mock.consentsAsked >= 2, 'repeated');
	await page.reload();
	const asked = mock.consentsAsked;
	await until(() => mock.consentsAsked > asked, 'repeated by the page that was loaded anew');
	assert.equal(mock.statements.length, 0);
	mock.consentsFail = false;
	await until(() => mock.statements.length === 1, 'delivered');
	assert.equal(mock.statements[0].event, 'ConsentWithdrawn');
	await at('receipt-status').waitFor({ state: 'attached' });
	assert.equal(await attribute(at('receipt-status'), 'data-verified'), 'true');
	const known = mock.consentsAsked;
	await new Promise((done) => setTimeout(done, 3000));
	assert.equal(mock.consentsAsked, known, 'and then no more');
});

test('language: English at once, everywhere, kept', async () => {
	const { page, at } = await join();
	await at('language-en').click();
	assert.match(await at('gate-state').innerText(), /Not both of you have agreed/);
	await until(async () => (await at('notice-text').innerText()).includes('two agreements'), 'notice in English');
	assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
	await page.reload();
	await until(async () => (await at('gate-state').innerText()).includes('Not recorded'), 'kept');
});

test('replaced by another tab: stays out until taken back', async () => {
	const { page, at } = await join();
	await until(() => at('peer-video').evaluate((video) => video.currentTime > 0), 'media');
	mock.send('end', { reason: 'replaced' });
	await at('take-back').waitFor();
	assert.deepEqual(await everyLook(page, 'call-replaced', { looks: [] }), []);
	await at('take-back').click();
	await until(() => mock.offers === 2, 'back');
});

test('a lost event stream counts as closed until it is back', async () => {
	const { at } = await join();
	mock.gate('open', [], { generation: '5' });
	await until(async () => (await attribute(at('gate-state'), 'data-state')) === 'open', 'open');
	mock.party.gate = { state: 'open', reasons: [], generation: '5' };
	for (const stream of mock.streams) stream.destroy();
	await until(async () => (await attribute(at('gate-state'), 'data-state')) === 'closed', 'closed');
	await until(async () => (await attribute(at('gate-state'), 'data-state')) === 'open', 'open again');
});

test('a link that is no good, or not whole, has words and no button that would not help', async () => {
	const { page, at } = await openPage(browser, mock.origin);
	await page.goto(`${mock.origin}/join#wrong`);
	await at('fatal').waitFor();
	assert.equal(await attribute(at('fatal'), 'data-error'), 'token-invalid');
	mock.tokenProblem = 'token-expired';
	await page.goto(`${mock.origin}/join#${TOKEN}`);
	await until(async () => (await attribute(at('fatal'), 'data-error')) === 'token-expired', 'expired');
	assert.equal(await at('fatal').locator('button').count(), 0);
	assert.deepEqual(await everyLook(page, 'call-link-expired', { looks: ['phone'] }), []);
	await page.context().close();
	const none = await openPage(browser, mock.origin);
	await none.page.goto(`${mock.origin}/join`);
	await none.at('fatal').waitFor();
	assert.equal(await attribute(none.at('fatal'), 'data-error'), 'no-token');
	await none.page.context().close();
});

test('a vault that is away when the page opens is waited for', async () => {
	mock.partyFails = true;
	const { page, at } = await open();
	await at('waiting').waitFor();
	assert.deepEqual(await everyLook(page, 'call-patience', { looks: [] }), []);
	mock.partyFails = false;
	await at('join-start').waitFor();
});

/* Makes getUserMedia fail as browsers do: { audio, video } are names of errors, or missing for a device that works. */
async function without(failures, options) {
	opened = await openPage(browser, mock.origin, options);
	await opened.page.addInitScript((names) => {
		const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
		navigator.mediaDevices.getUserMedia = (wish) => {
			window.asked = (window.asked ?? 0) + 1;
			const name = Object.keys(wish).map((kind) => wish[kind] && names[kind]).find(Boolean);
			return name ? Promise.reject(new DOMException('', name)) : real(wish);
		};
		window.mend = () => {
			for (const kind of Object.keys(names)) delete names[kind];
		};
	}, failures);
	await opened.page.goto(`${mock.origin}/join#${TOKEN}`);
	await opened.at('device-problem').waitFor();
	return opened;
}

test('a refused camera and microphone: how to mend it, and one may listen', async () => {
	const { page, at } = await without({ audio: 'NotAllowedError', video: 'NotAllowedError' });
	assert.equal(await attribute(at('device-problem'), 'data-reason'), 'both-denied');
	assert.match(await at('join-start').innerText(), /écouter/);
	assert.deepEqual(await everyLook(page, 'call-lobby-refused', { looks: ['phone'] }), []);
	await page.evaluate(() => window.mend());
	await at('device-again').click();
	await at('device-problem').waitFor({ state: 'hidden' });
	assert.match(await at('join-start').innerText(), /Entrer dans la séance/);
});

test('no camera at all, a microphone in use: each says its own; one hears and sees without', async () => {
	const { page, at } = await without({ audio: 'NotReadableError', video: 'NotFoundError' });
	assert.equal(await attribute(at('device-problem'), 'data-reason'), 'video-absent audio-busy');
	await shot(page, 'call-lobby-no-device');
	await at('join-start').click();
	await until(() => at('peer-video').evaluate((video) => video.currentTime > 0), 'sees without a camera');
	await at('mute').click();
	await until(async () => (await attribute(at('call-problem'), 'data-error')) === 'device-audio-busy', 'told why');
	assert.equal(await attribute(at('mute'), 'aria-pressed'), 'false');
	await page.evaluate(() => window.mend());
	await at('mute').click();
	await until(async () => (await attribute(at('mute'), 'aria-pressed')) === 'true', 'heard');
});

test('a device that is plugged in: taken in the lobby, and in the call only when a person asks for it', async () => {
	const plugIn = (page) => page.evaluate(() => {
		const before = window.asked;
		navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
		return window.asked - before;
	});
	const { page, at } = await without({ audio: 'NotFoundError', video: 'NotFoundError' });
	assert.equal(await plugIn(page), 1);
	await until(async () => (await at('device-problem').isVisible()) && (await page.evaluate(() => window.asked)) >= 6, 'asked and missed again');
	await at('join-start').click();
	await at('gate-state').waitFor();
	await at('close-panel').click();
	await page.evaluate(() => window.mend());
	assert.equal(await plugIn(page), 0);
	await at('settings').click();
	await at('settings-dialog').getByTestId('device-problem').waitFor();
	assert.equal(await plugIn(page), 0, 'nor while one looks at the devices');
	await page.keyboard.press('Escape');
	await at('settings-dialog').waitFor({ state: 'detached' });
	assert.equal(await plugIn(page), 0);
	assert.equal(await attribute(page.locator('.stage'), 'data-self'), 'off');
	await at('camera').click();
	await until(async () => (await attribute(page.locator('.stage'), 'data-self')) === 'on', 'by a click');
});

test('the vault alone lost: the call goes on; the server lost: a line says so, and nothing counts as recorded', async () => {
	const { page, at } = await join();
	mock.change({ peer: { name: 'Dominique', connected: true } });
	await until(async () => (await attribute(page.locator('.stage'), 'data-peer')) === 'on', 'peer shown');
	await at('close-panel').click();
	mock.gate('closed', ['vault']);
	await until(async () => /sans enregistrement/.test(await at('gate-state').innerText()), 'told plainly');
	assert.equal(await at('lost').isVisible(), false);
	await shot(page, 'call-vault-lost');
	mock.eventsFail = true;
	for (const stream of mock.streams) stream.destroy();
	await at('lost').waitFor();
	assert.match(await at('lost').innerText(), /ne savons pas si elle est enregistrée/);
	assert.equal(await attribute(at('lost'), 'data-kind'), 'signal', 'the pictures stay');
	assert.equal(await attribute(at('gate-state'), 'data-reasons'), 'unknown');
	assert.deepEqual(await everyLook(page, 'call-server-lost', { looks: ['phone'], languages: ['fr'] }), []);
	mock.eventsFail = false;
	await at('lost').waitFor({ state: 'hidden', timeout: 8000 });
});

test('a lost connection is told over the pictures until it is back', async () => {
	mock.answerer = null;
	const { page, at } = await join();
	await at('lost').waitFor();
	assert.match(await at('lost').innerText(), /s’arrête dans les secondes/);
	await at('close-panel').click();
	assert.deepEqual(await everyLook(page, 'call-reconnecting', { looks: [], languages: ['fr'] }), []);
	mock.gate('open', [], { generation: '4' });
	mock.gate('opening', [], { generation: '5' });
	mock.gate('open', [], { generation: '5' });
	mock.send('peer', { mic: false });
	await until(async () => (await at('gate-state').innerText()).includes('pas connu'), 'open is not believed without media');
	assert.equal(await title(page), 'Aparté');
	mock.answerer = (sdp) => answerer.answer(sdp);
	await at('lost').waitFor({ state: 'hidden', timeout: 15000 });
	await until(async () => (await title(page)).includes('Enregistrement en cours'), 'known again');
});

test('very long names break no view', async () => {
	const long = 'Maximiliana-Alexandrina de la Rochefoucauld-Montmorency-Schleswig-Holstein-Sonderburg';
	Object.assign(mock.party, { name: long, peer: { name: `${long} Junior`, connected: true } });
	const { page, at } = await open({ viewport: { width: 360, height: 740 } });
	await at('join-start').waitFor();
	assert.deepEqual(await everyLook(page, 'call-long-lobby', { looks: [], languages: ['fr'], shot: { fullPage: true } }), []);
	await at('join-start').click();
	await until(async () => (await attribute(page.locator('.stage'), 'data-peer')) === 'on', 'peer shown');
	await at('close-panel').click();
	assert.deepEqual(await everyLook(page, 'call-long-names', { looks: [], languages: ['fr'] }), []);
});

test('screen sharing needs no new offer; the peer is told', async () => {
	const { page, at } = await join();
	await page.evaluate(() => {
		navigator.mediaDevices.getDisplayMedia = async () => document.createElement('canvas').captureStream(5);
		const canvas = document.createElement('canvas');
		canvas.getContext('2d').fillRect(0, 0, 10, 10);
	});
	for (const id of ['mute', 'camera']) await until(async () => (await attribute(at(id), 'aria-pressed')) === 'true', `${id} on`);
	await at('share-screen').click();
	await until(() => mock.messages.some(({ screen }) => screen === true), 'told');
	assert.equal(await attribute(at('share-screen'), 'aria-pressed'), 'true');
	await page.getByText('Vous partagez votre écran').waitFor();
	assert.equal(mock.offers, 1);
	await at('mute').click();
	await until(() => mock.messages.some(({ mic }) => mic === false), 'mute told');
	await at('camera').click();
	await until(async () => (await attribute(page.locator('.stage'), 'data-self')) === 'off', 'camera off');
	await at('camera').click();
	await until(async () => (await attribute(page.locator('.stage'), 'data-self')) === 'on', 'camera on');
});

test('full screen keeps the state of recording in sight', async () => {
	const { page, at } = await join();
	await at('fullscreen').click();
	await until(() => page.evaluate(() => document.fullscreenElement?.contains(document.querySelector('[data-testid="gate-state"]'))), 'in it');
	await until(async () => (await attribute(at('fullscreen'), 'aria-pressed')) === 'true', 'and the button knows');
	await page.evaluate(() => document.exitFullscreen());
	await until(async () => (await attribute(at('fullscreen'), 'aria-pressed')) === 'false', 'out again');
});
