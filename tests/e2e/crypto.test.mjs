/* The pages' cryptography against docs/FORMAT.md's vectors, RFC 6962 and RFC 8785 vectors, and npm @hpke/core. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { webcrypto } from 'node:crypto';
import { test } from 'node:test';
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import * as bytes from '../../web/crypto/bytes.js';
import { checkRoot, openCheckpoint, parseVerifierKey } from '../../web/crypto/checkpoint.js';
import { canonicalize } from '../../web/crypto/jcs.js';
import { leafHash, rootFromProof } from '../../web/crypto/merkle.js';
import { checkNotice, noticeHash } from '../../web/crypto/notice.js';
import { presenceBytes } from '../../web/crypto/presence.js';
import { statementHash, verifyReceipt } from '../../web/crypto/receipt.js';
import { sealShare, shareCommitment } from '../../web/crypto/share.js';
import { makeConsent } from '../../web/crypto/statement.js';
import { logOfOne, makeLogKey } from './pages/log.mjs';

globalThis.crypto ??= webcrypto; // Node 18

const SESSION = '00112233-4455-6677-8899-aabbccddeeff';
const fill = (byte) => new Uint8Array(32).fill(byte);
const PKCS8_X25519 = bytes.fromHex('302e020100300506032b656e04220420');
const VECTORS = new URL('../../../shared/vectors/', import.meta.url);

const suite = () =>
	new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });

async function privateKey(secret) {
	const der = bytes.concat(PKCS8_X25519, secret);
	return crypto.subtle.importKey('pkcs8', der, { name: 'X25519' }, true, ['deriveBits']);
}

test('share commitments are FORMAT.md’s', async () => {
	assert.equal(await shareCommitment(SESSION, 'coach', fill(0x11)), 'V4R-2M7Nx4gnPCCjFFWT-my6sybgpBJw5pce-vKKdXw');
	assert.equal(await shareCommitment(SESSION, 'coachee', fill(0x22)), 's3fiS3OCSKZSdDp2c4g-hdekJZpdorHi3rpbXsxzntU');
});

test('the share in transit is FORMAT.md’s, byte for byte', async () => {
	const secret = await privateKey(fill(0xaa));
	const jwk = await crypto.subtle.exportKey('jwk', secret);
	const publicKey = await crypto.subtle.importKey('raw', bytes.fromBase64url(jwk.x), { name: 'X25519' }, true, []);
	const sealKey = 'ba193836cff1f4e866c139715d306408d26a76f76d638a39afc1001084d25411';
	const sealed = await sealShare({
		sealKey: bytes.toBase64url(bytes.fromHex(sealKey)),
		session: SESSION,
		role: 'coach',
		share: fill(0x11),
		statement: '{"a":1}',
		ephemeral: { publicKey, privateKey: secret },
	});
	assert.equal(
		bytes.toHex(bytes.fromBase64url(sealed.enc)),
		'14ca9e4d387bccf35746e0407daaacc6b28a4f8445ef5a5158894db983e24070',
	);
	assert.equal(
		bytes.toHex(bytes.fromBase64url(sealed.ct)),
		'14562d97d463bde57ebac03dfdc10f1551553939726023fda4f1b823358d3a800da016c7e6b327c36fcd447f4ede12b2',
	);
});

test('a consent opens with @hpke/core, and its statement says what it must', async () => {
	const recipient = await suite().kem.generateKeyPair();
	const sealKey = new Uint8Array(await suite().kem.serializePublicKey(recipient.publicKey));
	const device = await crypto.subtle.generateKey({ name: 'Ed25519' }, false, ['sign', 'verify']);
	const party = { session: SESSION, role: 'coachee', pii_principal: 'p-1' };
	const notice = { version: '1', lang: 'fr', sha256: 'ab'.repeat(32), seal: bytes.toBase64url(sealKey) };
	const sign = async (data) =>
		bytes.toBase64url(new Uint8Array(await crypto.subtle.sign('Ed25519', device.privateKey, data)));
	const made = await makeConsent({
		party,
		notice,
		device: { key: 'k', sign },
		event: 'ConsentGiven',
		purposes: ['recording', 'supervision'],
		method: 'button',
	});
	const statement = JSON.parse(made.text);
	assert.equal(canonicalize(statement), made.text);
	assert.equal(statement.presence, 5);
	assert.equal(statement.seal, bytes.toHex(await bytes.sha256(sealKey)));
	const signature = bytes.fromBase64url(made.body.signature);
	assert.ok(await crypto.subtle.verify('Ed25519', device.publicKey, signature, bytes.utf8(made.text)));
	const info = bytes.labelled('aparte/share-seal/v1', bytes.uuidBytes(SESSION), Uint8Array.of(2));
	const opener = await suite().createRecipientContext({
		recipientKey: recipient.privateKey,
		enc: bytes.fromBase64url(made.body.share.enc),
		info,
	});
	const aad = await bytes.sha256(bytes.utf8(made.text));
	const share = new Uint8Array(await opener.open(bytes.fromBase64url(made.body.share.ct), aad));
	assert.equal(await shareCommitment(SESSION, 'coachee', share), statement.share_commitment);
});

test('only giving the recording carries a share', async () => {
	const device = { key: 'k', sign: async () => 's' };
	const party = { session: SESSION, role: 'coach', pii_principal: 'p' };
	const notice = { version: '1', lang: 'en', sha256: '00', seal: '' };
	for (const [event, purposes] of [
		['ConsentRefused', ['recording']],
		['ConsentWithdrawn', ['recording']],
		['ConsentGiven', ['quality']],
	]) {
		const { body, text } = await makeConsent({ party, notice, device, event, purposes, method: 'button' });
		assert.equal(body.share, undefined);
		for (const name of ['share_commitment', 'seal', 'presence']) assert.ok(!(name in JSON.parse(text)));
	}
});

test('statements of one person are strictly later than the last', async () => {
	const device = { key: 'k', sign: async () => 's' };
	const party = { session: SESSION, role: 'coach', pii_principal: 'p' };
	const notice = { version: '1', lang: 'en', sha256: '00' };
	const future = new Date(Date.now() + 60_000).toISOString();
	const made = await makeConsent({
		party, notice, device, event: 'ConsentRefused', purposes: ['recording'], method: 'button', previousTime: future,
	});
	assert.equal(Date.parse(made.time), Date.parse(future) + 1);
});

test('leaf and root are FORMAT.md’s', async () => {
	const leaf = bytes.fromHex('01014264f1f048c22b62090339f64c0996d98452f3daf288e643ec45dd643fb31582');
	const hash = await leafHash(leaf);
	assert.equal(bytes.toHex(hash), '04750f8f14e15e909973e1f444b80f4b3c371e41f4963ce7ce7d5eaaab6a35ce');
	const other = bytes.fromHex('f82e0741eb00c2c994b07c4974cf68a29d6fba007463d3657d0d071cfdf0ff67');
	const root = await rootFromProof(0, 2, hash, [other]);
	assert.equal(bytes.toHex(root), 'cdefc025214ad890c5ea30c98fb699f5299bafea75849469b89ea60dce3b108b');
});

test('the verifier key is FORMAT.md’s, and one with another id is refused', async () => {
	const text = 'aparte.example/log/1+a2463d70+AbJJHZUCrihjCiussuDHRRD/zdMowzT/PhOT51stMefc';
	assert.equal((await parseVerifierKey(text)).name, 'aparte.example/log/1');
	await assert.rejects(parseVerifierKey(text.replace('a2463d70', 'a2463d71')));
});

test('RFC 6962 inclusion vectors, good and bad', { skip: !existsSync(VECTORS) }, async () => {
	const { inclusion } = JSON.parse(readFileSync(new URL('merkle-rfc6962.json', VECTORS)));
	const decode = (text) => (text ? bytes.fromBase64(text) : new Uint8Array(0));
	for (const v of inclusion) {
		const good = await rootFromProof(v.leafIdx, v.treeSize, decode(v.leafHash), (v.proof ?? []).map(decode))
			.then((root) => bytes.equal(root, decode(v.root)), () => false);
		assert.equal(good, !v.wantErr, v.file);
	}
	assert.ok(inclusion.length > 20);
});

test('RFC 8785 vectors', { skip: !existsSync(VECTORS) }, () => {
	const folder = new URL('jcs/', VECTORS);
	const names = readdirSync(folder).filter((name) => name.endsWith('.input.json'));
	for (const name of names) {
		const wanted = readFileSync(new URL(name.replace('input', 'output'), folder), 'utf8').trim();
		assert.equal(canonicalize(JSON.parse(readFileSync(new URL(name, folder), 'utf8'))), wanted, name);
	}
	assert.ok(names.length >= 5);
	assert.throws(() => canonicalize('\ud800'));
	assert.throws(() => canonicalize(Number.NaN));
});

test('presence signs label, session, generation and counter', () => {
	const wanted = '6170617274652f70726573656e63652f7631' + '00' + '00112233445566778899aabbccddeeff' +
		'ffffffffffffffff' + '0000000000000003';
	assert.equal(bytes.toHex(presenceBytes(SESSION, '18446744073709551615', 3)), wanted);
});

test('a notice’s hash covers everything but sha256 and seal', async () => {
	const notice = { version: '1', lang: 'fr', text: 'é', purposes: [], log_key: 'k', seal: 's' };
	notice.sha256 = await noticeHash(notice);
	await checkNotice({ ...notice, seal: 'another' });
	await assert.rejects(checkNotice({ ...notice, log_key: 'another' }));
});

test('receipts: a good one verifies, each kind of change is found', async () => {
	const key = await makeLogKey('aparte.example/log/1');
	const statement = canonicalize({ event: 'ConsentGiven' });
	const sha = await statementHash(statement);
	const receipt = await logOfOne(key, 1, { event: 'ConsentGiven', statement_sha256: sha });
	const options = { pinnedKey: key.verifierKey, statementSha256: sha };
	assert.equal((await verifyReceipt(receipt, options)).event, 'ConsentGiven');
	await assert.rejects(verifyReceipt(receipt, { ...options, statementSha256: 'ff'.repeat(32) }));
	await assert.rejects(verifyReceipt({ ...receipt, body: `${receipt.body} ` }, options));
	await assert.rejects(verifyReceipt({ ...receipt, type: 2 }, options));
	await assert.rejects(verifyReceipt({ ...receipt, leaf_index: receipt.leaf_index + 1 }, options));
	const other = await makeLogKey('aparte.example/log/1');
	await assert.rejects(verifyReceipt(receipt, { ...options, pinnedKey: other.verifierKey }));
	const forged = await logOfOne(other, 1, { statement_sha256: sha });
	await assert.rejects(verifyReceipt({ ...forged, log_key: key.verifierKey }, options));
});

test('a checkpoint is bound to its name, size and root', async () => {
	const key = await makeLogKey('aparte.example/log/1');
	const receipt = await logOfOne(key, 1, { a: 1 });
	const { size, root } = await openCheckpoint(receipt.checkpoint, key.verifierKey);
	assert.equal(size, receipt.tree_size);
	await assert.rejects(checkRoot(receipt.checkpoint, key.verifierKey, size + 1, root));
	await assert.rejects(openCheckpoint(receipt.checkpoint.replace('log/1', 'log/2'), key.verifierKey));
});

test('decoders refuse what is not canonical', () => {
	assert.throws(() => bytes.fromBase64url('AB=='));
	assert.throws(() => bytes.fromBase64url('AB'.replace('B', '9')));
	assert.throws(() => bytes.fromBase64('QQ'));
	assert.throws(() => bytes.fromHex('abc'));
	assert.throws(() => bytes.uuidBytes('no'));
});
