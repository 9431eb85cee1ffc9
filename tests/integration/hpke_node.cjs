// npm @hpke/core, an implementation that is not ours, seals and opens the other side: node hpke_node.cjs HPKE_TOOL
// HPKE_TOOL open PRIVATE ENC SESSION ROLE STATEMENT CT  prints the share; seal PUBLIC SESSION ROLE STATEMENT SHARE prints enc and ct.
'use strict';

const { execFileSync, spawnSync } = require('child_process');
const { createHash, randomBytes, randomUUID } = require('crypto');
const { need } = require('./npm.cjs');

const tool = process.argv[2];
const hex = (bytes) => Buffer.from(bytes).toString('hex');
const raw = (text) => new Uint8Array(Buffer.from(text, 'hex'));
let failures = 0;

function expect(what, good) {
	if (!good) failures++;
	console.log(`${good ? 'ok' : 'FAILED'} ${what}`);
}

function context(session, role, statement) {
	const info = Buffer.concat([Buffer.from('aparte/share-seal/v1\0'), Buffer.from(session.replaceAll('-', ''), 'hex'), Buffer.from([role])]);
	const aad = createHash('sha256').update(statement).digest();
	return { info: new Uint8Array(info), aad: new Uint8Array(aad) };
}

async function theyOpenOurs(suite, pair, session, role, statement) {
	const share = randomBytes(32);
	const publicKey = new Uint8Array(await suite.kem.serializePublicKey(pair.publicKey));
	const [enc, ct] = execFileSync(tool, ['seal', hex(publicKey), session, String(role), statement, hex(share)]).toString().split(/\s+/);
	const { info, aad } = context(session, role, statement);
	const recipient = await suite.createRecipientContext({ recipientKey: pair.privateKey, enc: raw(enc), info });
	const opened = await recipient.open(raw(ct), aad);
	expect(`@hpke/core opens ours, role ${role}`, hex(opened) === hex(share));
}

async function weOpenTheirs(suite, pair, session, role, statement) {
	const share = randomBytes(32);
	const { info, aad } = context(session, role, statement);
	const sender = await suite.createSenderContext({ recipientPublicKey: pair.publicKey, info });
	const ct = hex(await sender.seal(new Uint8Array(share), aad));
	const privateKey = hex(await suite.kem.serializePrivateKey(pair.privateKey));
	const args = [privateKey, hex(sender.enc), session, String(role), statement, ct];
	expect(`we open @hpke/core's, role ${role}`, execFileSync(tool, ['open', ...args]).toString().trim() === hex(share));
	const wrong = [...args.slice(0, 4), statement + ' ', ct];
	expect('another statement is refused', spawnSync(tool, ['open', ...wrong]).status === 1);
}

// docs/FORMAT.md's vector.
async function theyOpenTheVector(suite) {
	const recipientKey = await suite.kem.importKey('raw', raw('99'.repeat(32)), false);
	const { info, aad } = context('00112233-4455-6677-8899-aabbccddeeff', 1, '{"a":1}');
	const enc = raw('14ca9e4d387bccf35746e0407daaacc6b28a4f8445ef5a5158894db983e24070');
	const ct = raw('14562d97d463bde57ebac03dfdc10f1551553939726023fda4f1b823358d3a800da016c7e6b327c36fcd447f4ede12b2');
	const recipient = await suite.createRecipientContext({ recipientKey, enc, info });
	expect('@hpke/core opens the fixed vector', hex(await recipient.open(ct, aad)) === '11'.repeat(32));
}

async function main() {
	const { CipherSuite, DhkemX25519HkdfSha256, HkdfSha256, Aes256Gcm } = await need('@hpke/core');
	const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
	await theyOpenTheVector(suite);
	for (let i = 0; i < 10; i++) {
		const pair = await suite.kem.generateKeyPair();
		const statement = JSON.stringify({ n: i, filler: 'é'.repeat(i * 100) });
		await theyOpenOurs(suite, pair, randomUUID(), 1 + (i % 2), statement);
		await weOpenTheirs(suite, pair, randomUUID(), 1 + (i % 2), statement);
	}
	process.exit(failures ? 1 : 0);
}

main();
