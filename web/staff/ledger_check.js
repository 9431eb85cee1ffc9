/*
 * The log, verified in this browser: its key is the one first seen here, its checkpoint is signed by it, it continues what was seen
 * here last, witnesses signed it too. Of the log this browser keeps its key, and of the last checkpoint size and root.
 */
import { equal, fromBase64, fromBase64url, toBase64 } from '../crypto/bytes.js';
import { openCheckpoint } from '../crypto/checkpoint.js';
import { cosignedAt } from '../crypto/cosignature.js';
import { checkConsistency, leafHash, rootFromProof } from '../crypto/merkle.js';
import { verifyReceipt } from '../crypto/receipt.js';
import { list } from '../ui/api.js';
import { pinLogKey } from '../ui/receipts.js';

const KEY = 'aparte/log-key', SEEN = 'aparte/log-seen';

const textOf = async (api, path) => (await api.request('GET', path)).text();

/* What was kept of this log's last checkpoint: {size, root}, or null. */
export function lastSeen(origin) {
	const { size, root } = JSON.parse(localStorage.getItem(`${SEEN}/${origin}`) ?? '{}');
	return Number.isSafeInteger(size) && typeof root === 'string' ? { size, root: fromBase64(root) } : null;
}

export function forgetSeen(origin) {
	localStorage.removeItem(`${SEEN}/${origin}`);
}

function keep(origin, { size, root }) {
	localStorage.setItem(`${SEEN}/${origin}`, JSON.stringify({ size, root: toBase64(root) }));
}

/* A step: its name, good, bad or nothing to say, and which sentence of the catalogue with which values. */
const step = (name, state, say, values) => ({ name, state, say, values });

async function checkKey(api) {
	const key = (await textOf(api, '/v1/ledger/key')).trim(), origin = key.split('+')[0];
	const known = localStorage.getItem(`${KEY}/${origin}`);
	if (known && known !== key) return { origin, key: known, told: step('key', 'bad', 'keyOther') };
	pinLogKey(key);
	return { origin, key, told: step('key', 'good', known ? 'keySame' : 'keyFirst', { origin }) };
}

async function checkContinues(api, before, now) {
	if (!before || before.size === 0) return step('continues', 'good', 'continuesFirst');
	if (now.size < before.size) return step('continues', 'bad', 'continuesShorter', { before: before.size, now: now.size });
	if (now.size === before.size)
		return equal(now.root, before.root) ? step('continues', 'good', 'continuesSame', { size: now.size }) : step('continues', 'bad', 'continuesOther');
	const { hashes } = await api.get(`/v1/ledger/consistency?from=${before.size}&to=${now.size}`);
	try {
		await checkConsistency({ olderSize: before.size, olderRoot: before.root, size: now.size, root: now.root, proof: list(hashes).map(fromBase64) });
	} catch {
		return step('continues', 'bad', 'continuesOther');
	}
	return step('continues', 'good', 'continuesGrown', { before: before.size, grown: now.size - before.size });
}

async function checkWitnesses(api, note) {
	const answer = await api.get('/v1/ledger/witnesses');
	const all = list(answer, 'witnesses'), quorum = answer.quorum ?? 0;
	const witnesses = await Promise.all(all.map(async (one) => ({ ...one, signed: await cosignedAt(note, one.key).catch(() => null) })));
	const signed = witnesses.filter((one) => one.signed).length;
	if (!all.length) return { witnesses, quorum, enough: false, told: step('witnesses', 'none', 'witnessesNone') };
	const enough = signed >= Math.max(1, quorum);
	return { witnesses, quorum, enough, told: step('witnesses', enough ? 'good' : 'none', 'witnessesSigned', { signed, all: all.length, quorum }) };
}

/*
 * {steps, good, witnessed, first, origin, key, now: {size, root} or null, witnesses}: `witnessed`: enough witnesses signed this very
 * checkpoint (one, where none is asked for); `first`: nothing of this log had been seen here before. A step that fails ends the
 * check; what the server does not answer throws. Only a log that holds is kept as seen last.
 */
export async function checkLog(api) {
	const { origin, key, told } = await checkKey(api);
	const steps = [told], result = { steps, good: false, witnessed: false, first: false, origin, key, now: null, witnesses: [] };
	if (told.state === 'bad') return result;
	const note = await textOf(api, '/v1/ledger/checkpoint');
	try {
		result.now = await openCheckpoint(note, key);
	} catch {
		steps.push(step('signature', 'bad', 'signatureBad'));
		return result;
	}
	steps.push(step('signature', 'good', 'signatureGood', { size: result.now.size }));
	steps.push(await checkContinues(api, lastSeen(origin), result.now));
	if (steps.at(-1).state === 'bad') return result;
	result.first = steps.at(-1).say === 'continuesFirst';
	keep(origin, result.now);
	const seen = await checkWitnesses(api, note);
	steps.push(seen.told);
	return Object.assign(result, { witnesses: seen.witnesses, quorum: seen.quorum, good: true, witnessed: seen.enough });
}

/* What may be said of it in a word: holds, alone (it grew as it should, yet too few witnesses say so), fails. */
export const verdictOf = ({ good, witnessed }) => (good ? (witnessed ? 'holds' : 'alone') : 'fails');

/* What went wrong with a receipt, as the modules below say it, and the sentence for it. */
const WHY = {
	'a leaf that is not that of its body': 'proofBody',
	'a receipt under another key': 'proofKey',
	'a checkpoint without a good signature': 'proofSignature',
	'a checkpoint of another log': 'proofKey',
	'a checkpoint of another tree': 'proofTree',
	'a leaf outside the tree': 'proofTree',
	'a proof too long': 'proofTree',
	'a proof too short': 'proofTree',
};

function parse(text) {
	try {
		const proof = JSON.parse(text);
		return typeof proof?.leaf === 'string' && Array.isArray(proof.inclusion_proof) ? proof : null;
	} catch {
		return null;
	}
}

/* Is this leaf in the log of now, whose root this browser has just verified? */
async function inPresent(api, proof, now) {
	if (proof.leaf_index >= now.size) return step('present', 'bad', 'presentShorter', { size: now.size, index: proof.leaf_index });
	const { hashes } = await api.get(`/v1/ledger/proof?leaf=${proof.leaf_index}&size=${now.size}`);
	try {
		const root = await rootFromProof(proof.leaf_index, now.size, await leafHash(fromBase64url(proof.leaf)), list(hashes).map(fromBase64));
		if (equal(root, now.root)) return step('present', 'good', 'presentGood', { size: now.size, index: proof.leaf_index });
	} catch {
		/* a proof that does not fit is one that does not hold */
	}
	return step('present', 'bad', 'presentBad');
}

async function holds(proof, key, name) {
	try {
		return { body: await verifyReceipt(proof, { pinnedKey: key }), told: step(name, 'good', name === 'second' ? 'secondGood' : 'proofGood', { index: proof.leaf_index }) };
	} catch (failure) {
		return { told: step(name, 'bad', WHY[failure.message] ?? 'proofMalformed') };
	}
}

/*
 * A receipt or certificate, as text. `log`: what checkLog answered; while that did not hold, the file is held against the key alone.
 * {good, steps, proof?, body?}
 */
export async function checkFile(api, text, log) {
	const proof = parse(text);
	if (!proof) return { good: false, steps: [step('proof', 'bad', 'proofNone')] };
	const first = await holds(proof, log.key, 'proof'), steps = [first.told];
	const result = { proof, body: first.body, steps };
	if (first.body && proof.turnover) {
		const second = await holds(proof.turnover, log.key, 'second');
		const same = second.body && second.body.kek_id === first.body.kek_id && second.body.unrecoverable_at === proof.unrecoverable_at;
		steps.push(second.body && !same ? step('second', 'bad', 'secondOther') : second.told);
	}
	if (first.body && log.now && log.good) steps.push(await inPresent(api, proof, log.now));
	return { ...result, good: steps.every(({ state }) => state !== 'bad') };
}
