/*
 * What kills of several processes at once mean for the persons before their pages: the call comes back by itself, and a
 * decision made while nobody could hear it is not lost. (One process at a time: resilience; many rounds: kills.)
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Instance, until } from './lib/instance.mjs';
import { openBrowser, openPage } from './lib/browser.mjs';
import { enterCall, giveConsent, hook, seesPeer, waitGate } from './lib/pages.mjs';

/* A call is back within these, counted from the gateway's being there again. */
const BACK_MS = 5000;

let instance, session, browsers, coach, coachee;
before(async () => {
	instance = await Instance.start();
	session = await instance.session();
	browsers = { coach: await openBrowser('coach'), coachee: await openBrowser('coachee') };
	coach = await openPage(browsers.coach, session.parties.coach.join_url);
	coachee = await openPage(browsers.coachee, session.parties.coachee.join_url);
	for (const page of [coach, coachee]) {
		await page.addInitScript(countConnections);
		await page.evaluate(countConnections);
		await enterCall(page);
	}
	await giveConsent(coach);
	await giveConsent(coachee);
	await bothOpen();
});
after(async () => {
	await Promise.all(Object.values(browsers ?? {}).map((browser) => browser.close()));
	await instance?.stop();
});

/* Kept in the page: the connections it made. */
function countConnections() {
	globalThis.connections ??= [];
	const add = RTCPeerConnection.prototype.addTransceiver;
	RTCPeerConnection.prototype.addTransceiver = function (...given) {
		if (!globalThis.connections.includes(this))
			globalThis.connections.push(this);
		return add.apply(this, given);
	};
}

const connections = () => Promise.all([coach, coachee].map((page) => page.evaluate(() =>
	({ count: globalThis.connections.length, state: globalThis.connections.at(-1)?.connectionState }))));

async function bothOpen() {
	await Promise.all([coach, coachee].map((page) => waitGate(page, 'open', 20000)));
}

function kill(...names) {
	const running = instance.processes();
	for (const pid of names.flatMap((name) => running[name]))
		process.kill(pid, 'SIGKILL');
}

const isReady = async () => (await fetch(`${instance.gateway}/readyz`).catch(() => ({}))).status === 200;
const recordings = async () => (await instance.platform('GET', `/v1/sessions/${session.id}`)).body.recordings;
const underWay = () => until('a recording', async () => (await recordings()).find(({ state }) => state === 'recording')?.id);

async function callIsBack(was) {
	await until('new connections', async () => (await connections()).every(({ count, state }, n) =>
		count > was[n].count && state === 'connected'), BACK_MS, 50);
	await Promise.all([seesPeer(coach, 'coachee', BACK_MS), seesPeer(coachee, 'coach', BACK_MS)]);
}

test('gateway, vault and zygote are killed together: the call is back by itself, and recorded again', async () => {
	const old = await underWay(), was = await connections();
	kill('aparte-gateway', 'aparte-recorder', 'aparte-capture');
	await until('the gateway listens', isReady, 10000, 20);
	await callIsBack(was);
	await bothOpen();
	assert.notEqual(await underWay(), old);
	assert.equal((await recordings()).find(({ id }) => id === old).state, 'sealed');
});

test('a withdrawal while nothing runs at all is delivered once something does', async () => {
	const old = await underWay(), was = await connections();
	kill('serve', 'aparte-gateway', 'aparte-recorder', 'aparte-capture', 'captures');
	await coach.click(hook('withdraw'));
	await coach.waitForSelector(`${hook('consent-problem')}[data-error="decision-late"]`);
	await instance.serve();
	await callIsBack(was);
	await until('all is erased', async () => (await recordings()).every(({ state }) => state === 'erased'), 20000);
	assert.ok((await recordings()).some(({ id }) => id === old));
	await coach.waitForSelector(`${hook('consent-summary')}[data-state="ConsentWithdrawn"]`);
	assert.equal(await coach.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith('aparte/owed/')).length), 0);
	await giveConsent(coach);
	await bothOpen();
});
