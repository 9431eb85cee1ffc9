/* Policies of a running instance: by the command line, by the API and by an admin's page (R14, R16, R17, R27). */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Instance, until } from '../e2e/lib/instance.mjs';
import { hook, signIn } from '../e2e/lib/pages.mjs';
import { record } from '../e2e/lib/record.mjs';
import { Staff, adminCall } from '../e2e/lib/staff.mjs';
import { axe, launch, openPage, shot } from '../e2e/pages/browser.mjs';

const DAY = 86_400_000;
let instance, scratch, made, policy;

before(async () => {
	instance = await Instance.start({ config: { 'storage.label': 'eu' } });
	scratch = mkdtempSync(join(tmpdir(), 'aparte-policies-'));
	made = await record(instance, 3, { purposes: ['recording', 'supervision', 'certification'] });
});
after(async () => {
	await instance?.stop();
	if (scratch) rmSync(scratch, { recursive: true, force: true });
});

const cli = (...args) => instance.cli('policy', ...args, '--admin', instance.demo.admin.user);
const fails = (...args) => instance.cliFails('policy', ...args, '--admin', instance.demo.admin.user);
const terms = () => cli('explain', '--recording', made.recording, '--json');
const of = (answer, name) => answer.purposes.find(({ purpose }) => purpose === name);
const days = (answer, name) => Math.round((new Date(of(answer, name).ends) - new Date(answer.sealed)) / DAY);

function file(document) {
	const path = join(scratch, `${document.name}.json`);
	writeFileSync(path, JSON.stringify(document));
	return path;
}

test('R16 what is shipped, as the command line shows it, and as a recording has it', async () => {
	policy = JSON.parse(await cli('show', 'default'));
	assert.deepEqual(policy, JSON.parse(readFileSync(new URL('../../config/policies/default.json', import.meta.url))));
	assert.match(await cli('list'), /default\s+policy\s+1/);
	const answer = await terms();
	assert.equal(days(answer, 'recording'), 30);
	assert.ok(days(answer, 'supervision') > 180 && days(answer, 'supervision') < 185);
	assert.equal(answer.expires_with, 'certification');
	assert.deepEqual(of(answer, 'research').rule.because, 'off');
	assert.match(await cli('explain', '--session', made.session.id), /supervision\s+given.*policy default version 1 \(period\)/);
	assert.equal((await fails('explain')).code, 2);
});

test('R16 a file is compared, previewed and set; what has no reason is refused', async () => {
	const shorter = structuredClone(policy);
	shorter.purposes.supervision.months = 3;
	assert.equal(await cli('diff', 'default', file(shorter)), 'purposes.supervision.months: 6 -> 3\n');
	const told = await cli('preview', 'default', file(shorter));
	assert.match(told, /supervision: shorter/);
	assert.match(told, /0 recordings end sooner/); /* certification keeps it */
	assert.match(await cli('set', 'default', file(shorter)), /version 2/);
	assert.ok(days(await terms(), 'supervision') < 93);
	assert.equal(of(await terms(), 'supervision').rule.version, 2);
	assert.equal(await cli('diff', 'default'), 'purposes.supervision.months: 6 -> 3\n');
	delete shorter.purposes.quality.reason;
	const refused = await fails('set', 'default', file(shorter));
	assert.equal(refused.code, 1);
	assert.match(refused.stderr, /reason/);
});

test('R27 a region limits its tenant, with its preview and token', async () => {
	const region = { name: 'area', kind: 'region', reason: 'r', storage: 'eu', purposes: { certification: { seconds: 1, reason: 'r' },
		supervision: { seconds: 1, reason: 'r' }, recording: { days: 3, reason: 'r' } } };
	await cli('set', 'area', file(region));
	const seen = await cli('tenant', 'demo', '--region', 'area', '--dry-run', '--json');
	assert.deepEqual([seen.total, seen.at_once], [1, 0]);
	assert.match(await cli('tenant', 'demo', '--region', 'area'), /region area/);
	const answer = await terms();
	assert.deepEqual([answer.region, answer.storage, of(answer, 'supervision').rule.level], ['area', 'eu', 'region']);
	await until('supervision is over', async () => of(await terms(), 'supervision').ended);
	assert.equal(days(answer, 'recording'), 3);
	await cli('tenant', 'demo', '--region', 'none');
	assert.equal(days(await terms(), 'recording'), 3); /* never longer again */
});

test('what another role may do', async () => {
	const auditor = await Staff.login(instance, instance.demo.auditor);
	assert.equal((await auditor.call('GET', '/v1/policies/default')).status, 200);
	assert.equal((await auditor.call('GET', `/v1/recordings/${made.recording}/terms`)).status, 200);
	assert.equal((await auditor.call('PUT', '/v1/policies/default', policy)).status, 403);
	const supervisor = await Staff.login(instance, instance.demo.supervisor);
	assert.equal((await supervisor.call('GET', '/v1/policies')).status, 403);
});

test('R16 R37 an admin reads, edits, previews with the days, and applies on the page', async () => {
	const browser = await launch();
	try {
		const { page, at, complaints } = await openPage(browser, instance.vault);
		await page.goto(instance.vault);
		await signIn(page, instance.demo.admin);
		await page.click(hook('nav-policies'));
		await at('policy-row').first().waitFor();
		await at('terms-id').fill(made.recording);
		await at('terms-show').click();
		await at('terms-row').first().waitFor();
		assert.deepEqual(await axe(page), []);
		await shot(page, 'staff-policies');
		await at('policy-open').filter({ hasText: 'default' }).click();
		await at('policy-preview').waitFor();
		assert.equal(await at('policy-purpose').count(), 8);
		assert.equal(await at('policy-version').count(), 2);
		await at('policy-research-state').selectOption('on');
		await at('policy-research-number').fill('10');
		await at('policy-research-reason').fill('A study described in its own sheet.');
		await at('policy-recording-number').fill('2');
		assert.deepEqual(await axe(page), []);
		await shot(page, 'staff-policy');
		await at('policy-preview').click();
		await at('policy-wider').waitFor();
		assert.equal(await at('policy-counts').getAttribute('data-at-once'), '0');
		assert.equal(await at('policy-counts').getAttribute('data-total'), '1');
		/* The one recording, as a picture: where it ends as it is, and where it would. */
		assert.deepEqual(await at('picture-bar').evaluateAll((bars) => bars.map((bar) => Number(bar.dataset.count)).filter(Boolean)), [1, 1]);
		assert.match(await at('picture-shorter').innerText(), /1/);
		assert.deepEqual(await axe(page), []);
		await at('policy-apply').click();
		await until('the third version is shown', async () => (await at('policy-version').count()) === 3);
		assert.deepEqual(complaints, []);
		assert.equal(days(await terms(), 'recording'), 2);
		const { body } = await adminCall(instance, 'GET', '/v1/policies/default');
		assert.deepEqual(body.document.purposes.research, { days: 10, reason: 'A study described in its own sheet.' });
		assert.deepEqual(body.document.minors, policy.minors); /* what the form does not show stays */
	} finally {
		await browser.close();
	}
});

test('R16 what erases at once asks for its preview', async () => {
	const now = structuredClone(policy);
	for (const entry of Object.values(now.purposes)) {
		for (const member of ['days', 'months', 'after_decision']) delete entry[member];
		if (!entry.off) entry.seconds = 1;
	}
	assert.match((await fails('set', 'default', file(now))).stderr, /preview/);
	const { token, at_once, days: each } = await cli('preview', 'default', file(now), '--json');
	assert.deepEqual([at_once, each.map(({ count }) => count)], [1, [1]]);
	assert.equal((await fails('set', 'default', file(now), '--token', `${token}0`)).code, 1);
	await cli('set', 'default', file(now), '--token', token);
	await until('it is erased', async () => {
		const { body } = await instance.platform('GET', `/v1/sessions/${made.session.id}`);
		return body.recordings[0].state === 'erased';
	});
});
