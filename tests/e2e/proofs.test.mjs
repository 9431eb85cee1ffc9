/* A person's receipt and an erasure's certificate, verified by a script that shares nothing with Aparté. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Instance, top } from './lib/instance.mjs';
import { record } from './lib/record.mjs';
import { adminCall } from './lib/staff.mjs';

let instance, made, certificate, key;
before(async () => {
	instance = await Instance.start();
	made = await record(instance, 4);
	certificate = (await adminCall(instance, 'POST', '/v1/erasures', { recording: made.recording })).body;
	key = (await (await fetch(`${instance.gateway}/v1/ledger/key`)).text()).trim();
});
after(async () => instance?.stop());

const script = join(top, 'tests/integration/independent_verify.py');
function verify(receipt, statement, log = key) {
	const path = join(instance.home, 'run/receipt.json');
	writeFileSync(path, JSON.stringify(receipt));
	const args = [script, path, log];
	if (statement) {
		writeFileSync(join(instance.home, 'run/statement'), statement);
		args.push(join(instance.home, 'run/statement'));
	}
	return execFileSync('/usr/bin/python3', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

test('R6 a receipt proves the consent that was signed', () => {
	for (const role of ['coach', 'coachee'])
		assert.match(verify(made.receipts[role], made.statements[role]), /^verified: type 1 leaf \d+ of \d+/);
});

test('R19 a certificate proves the erasure', () => {
	assert.match(verify(certificate), /^verified: type 11 /);
	const body = JSON.parse(certificate.body);
	assert.equal(body.recording, made.recording);
	assert.match(body.erased_at, /^\d{4}-\d\d-\d\dT.*Z$/);
	assert.ok('unrecoverable_at' in body, 'says when even old copies are beyond recovery, or that they are not yet');
});

test('a lie in any part is found', () => {
	const receipt = made.receipts.coach;
	const flip = (text) => (text[5] === 'A' ? `${text.slice(0, 5)}B${text.slice(6)}` : `${text.slice(0, 5)}A${text.slice(6)}`);
	const lies = [{ body: receipt.body.replace(made.session.id, made.recording) }, { salt: flip(receipt.salt) }, { leaf: flip(receipt.leaf) },
		{ leaf_index: receipt.leaf_index + 1 }, { type: 2 }, { tree_size: receipt.tree_size + 1 },
		{ checkpoint: receipt.checkpoint.replace(/^(.*\n\d+\n.{3})./, (_, head) => `${head}${'#'}`) }];
	for (const lie of lies)
		assert.throws(() => verify({ ...receipt, ...lie }, made.statements.coach), JSON.stringify(Object.keys(lie)));
	assert.throws(() => verify(receipt, made.statements.coachee), 'another’s statement');
});

test('the command line verifies the same, and the whole log', async () => {
	const path = join(instance.home, 'run/receipt.json');
	writeFileSync(path, JSON.stringify(made.receipts.coachee));
	await instance.cli('ledger', 'verify', '--receipt', path, '--vkey', key);
	writeFileSync(path, JSON.stringify({ ...made.receipts.coachee, type: 2 }));
	assert.equal((await instance.cliFails('ledger', 'verify', '--receipt', path, '--vkey', key)).code, 1);
	await instance.cli('ledger', 'verify');
});

test('anyone may read the log, and it never runs backwards', async () => {
	for (const base of [instance.gateway, instance.vault]) {
		const checkpoint = await (await fetch(`${base}/v1/ledger/checkpoint`)).text();
		const size = Number(checkpoint.split('\n')[1]);
		assert.ok(size > made.receipts.coach.tree_size);
		const proof = await (await fetch(`${base}/v1/ledger/proof?leaf=0&size=${size}`)).json();
		assert.equal(proof.tree_size, size);
		assert.ok(Array.isArray(proof.hashes));
		assert.equal((await fetch(`${base}/v1/ledger/consistency?from=1&to=${size}`)).status, 200);
		assert.ok([400, 404, 422].includes((await fetch(`${base}/v1/ledger/proof?leaf=${size}&size=${size}`)).status));
	}
});
