/* What a person does on the pages, by their test hooks (web/README.md). */
import { openPage, readVideo } from './browser.mjs';
import { freshCode } from './staff.mjs';
import { until } from './instance.mjs';

/* How long a page may take that is busy, on a busy machine, ms: what comes later does not come. */
const PATIENCE = 60000;

export const hook = (name) => `[data-testid="${name}"]`;

/* Opens the join link and goes into the call. */
export async function joinCall(browser, url, options = {}) {
	const page = await openPage(browser, url, options);
	await enterCall(page);
	return page;
}

/* Through the lobby; after a reload the call goes on without it. */
export async function enterCall(page) {
	await page.waitForSelector(`${hook('join-start')}, ${hook('gate-state')}`, { timeout: PATIENCE });
	if (await page.isVisible(hook('join-start')))
		await page.click(hook('join-start'));
	await page.waitForSelector(hook('gate-state'), { timeout: PATIENCE });
}

export async function gateOf(page) {
	return page.getAttribute(hook('gate-state'), 'data-state');
}

export async function waitGate(page, state, ms = 15000) {
	try {
		await page.waitForSelector(`${hook('gate-state')}[data-state="${state}"]`, { timeout: ms });
	} catch (error) {
		error.message += `\nreasons: ${await page.getAttribute(hook('gate-state'), 'data-reasons')}\n${page.told.slice(-10).join('\n')}`;
		throw error;
	}
}

/* The person sees frames of the other, in order; answers the last { role, number }. */
export async function seesPeer(page, role, ms = 20000) {
	let first;
	return until(`the picture of the ${role}`, async () => {
		const seen = await readVideo(page, hook('peer-video'));
		if (seen?.role !== role)
			return false;
		first ??= seen.number;
		return seen.number !== first && seen;
	}, ms);
}

async function showConsent(page) {
	if (!await page.isVisible(hook('consent-panel')))
		await page.click(hook('open-consent'));
	await page.waitForSelector(hook('consent-panel'), { state: 'visible' });
}

/* Ticks these purposes and accepts. */
export async function giveConsent(page, purposes = ['recording']) {
	await showConsent(page);
	for (const purpose of purposes)
		await page.check(hook(`consent-purpose-${purpose}`));
	await page.click(hook('consent-accept'));
	await page.waitForSelector(`${hook('consent-summary')}[data-state="ConsentGiven"]`, { timeout: PATIENCE });
}

export async function refuseConsent(page) {
	await showConsent(page);
	await page.click(hook('consent-refuse'));
	await page.waitForSelector(`${hook('consent-summary')}[data-state="ConsentRefused"]`, { timeout: PATIENCE });
}

/* Signs in on the staff page. */
export async function signIn(page, user) {
	await page.fill(hook('login-user'), user.user);
	await page.fill(hook('login-password'), user.password);
	await page.fill(hook('login-totp'), await freshCode(user));
	await page.click(hook('login-submit'));
	await page.waitForSelector(hook('logout'), { timeout: PATIENCE });
}
