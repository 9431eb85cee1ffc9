// Every vector of C2SP CCTV (npm cctv-age) for X25519 and STREAM through `aparte age decrypt`: node age_cctv.cjs APARTE
// Armour and passphrases are not ours: those vectors are skipped by name and counted.
'use strict';

const { spawnSync } = require('child_process');
const { createHash } = require('crypto');
const { inflateSync } = require('zlib');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { need } = require('./npm.cjs');

const aparte = process.argv[2];
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'aparte-cctv-'));

// docs/FORMAT.md's, for vectors that name none.
const anyIdentity = 'AGE-SECRET-KEY-16S2D4X6DR2L3T7UFPS7N9Y44LN4QLKW8S5Z84EKKRC8TZGQ0CSQS09W924';

// What the program says for each kind of expected failure.
const words = {
	'header failure': /not an age v1 file|stanza|recipient$|X25519|header's last line|nonce|passphrase beside/,
	'no match': /no recipient of this file matches/,
	'HMAC failure': /header was altered/,
	'payload failure': /altered, cut|cut, or ends/,
};

function parse(bytes) {
	const text = Buffer.from(bytes).toString('latin1');
	const end = text.indexOf('\n\n');
	const vector = { identities: [], fields: {}, file: Buffer.from(bytes).subarray(end + 2) };
	for (const line of text.slice(0, end).split('\n')) {
		const [name, value] = [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)];
		if (name === 'identity') vector.identities.push(value);
		else vector.fields[name] = value;
	}
	if (vector.identities.length === 0) vector.identities.push(anyIdentity);
	if (vector.fields.compressed === 'zlib') vector.file = inflateSync(vector.file);
	return vector;
}

function foreign({ fields, identities }) {
	if (fields.armored) return 'armour';
	if (fields.passphrase) return 'passphrase';
	return identities.every((i) => i.startsWith('AGE-SECRET-KEY-1')) ? '' : 'another kind of identity';
}

function decrypt(vector) {
	const file = path.join(scratch, 'file.age');
	const identity = path.join(scratch, 'identity');
	fs.writeFileSync(file, vector.file);
	fs.writeFileSync(identity, vector.identities.join('\n') + '\n', { mode: 0o600 });
	return spawnSync(aparte, ['age', 'decrypt', '-i', identity, file], { maxBuffer: 1 << 26 });
}

// Empty when the program did what the vector expects.
function complaint(vector) {
	const { expect, payload } = vector.fields;
	const run = decrypt(vector);
	const said = run.stderr.toString().trim();
	if (run.status !== (expect === 'success' ? 0 : 1)) return `${expect} expected, exit ${run.status}: ${said}`;
	if (expect !== 'success') return words[expect].test(said) ? '' : `${expect} expected, said: ${said}`;
	const hash = createHash('sha256').update(run.stdout).digest('hex');
	return hash === payload ? '' : 'another plaintext';
}

async function main() {
	const vectors = await need('cctv-age');
	const counts = { run: 0, failed: 0, skipped: {} };
	for (const name of Object.keys(vectors).filter((n) => vectors[n] instanceof Uint8Array).sort()) {
		const vector = parse(vectors[name]);
		const reason = foreign(vector);
		if (reason) {
			(counts.skipped[reason] ||= []).push(name);
			continue;
		}
		counts.run++;
		const wrong = complaint(vector);
		if (wrong) {
			counts.failed++;
			console.log(`FAILED ${name}: ${wrong}`);
		}
	}
	for (const [reason, names] of Object.entries(counts.skipped))
		console.log(`skipped (${reason}), ${names.length}: ${names.join(' ')}`);
	console.log(`${counts.run} vectors run, ${counts.failed} failed`);
	fs.rmSync(scratch, { recursive: true });
	process.exit(counts.failed === 0 && counts.run > 0 ? 0 : 1);
}

main();
