/* The staff pages' reckoning, without a browser: calendars, clocks, charts, and the proofs that a log only grew. */
import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { test } from 'node:test';
import { checkConsistency, rootFromProof } from '../../web/crypto/merkle.js';
import { cosignedAt } from '../../web/crypto/cosignature.js';
import { heat, monthPlus, weeksOf } from '../../web/staff/calendar.js';
import { stepFor } from '../../web/staff/chart.js';
import { elapsed, leftInWords, nightsUntil, urgency } from '../../web/staff/clock.js';
import { grainFor } from '../../web/staff/policy_picture.js';
import { makeLogKey } from './pages/log.mjs';
import { GrowingLog, makeWitness } from './pages/log_grow.mjs';

globalThis.crypto ??= webcrypto; // Node 18
const DAY = 86_400_000;
const bytes = (list) => list.map((one) => new Uint8Array(Buffer.from(one, 'base64')));
const rootAt = (log, size) => new Uint8Array(Buffer.from(log.checkpoint(size).split('\n')[2], 'base64'));

/* RFC 9162 §2.1.4.2, against proofs made by the RFC's own recursion. */
test('a log that grew is told from one that was changed, at every size', async () => {
	const log = new GrowingLog(await makeLogKey('a/log/1')).fill(18);
	for (let to = 1; to <= 18; to++) for (let from = 1; from <= to; from++) {
		const proof = bytes(log.continues(from, to)), given = { olderSize: from, olderRoot: rootAt(log, from), size: to, root: rootAt(log, to), proof };
		await checkConsistency(given);
		const other = Uint8Array.from(given.olderRoot, (one, i) => (i ? one : one ^ 1));
		await assert.rejects(checkConsistency({ ...given, olderRoot: other }), `${from} ${to}`);
		await assert.rejects(checkConsistency({ ...given, root: Uint8Array.from(given.root, (one, i) => (i ? one : one ^ 1)) }), `${from} ${to}`);
		await assert.rejects(checkConsistency({ ...given, proof: [...proof, other] }), `${from} ${to}`);
		if (proof.length) await assert.rejects(checkConsistency({ ...given, proof: proof.slice(1) }), `${from} ${to}`);
	}
	await assert.rejects(checkConsistency({ olderSize: 5, olderRoot: rootAt(log, 5), size: 4, root: rootAt(log, 4), proof: [] }));
	for (let leaf = 0; leaf < 18; leaf++)
		assert.deepEqual(await rootFromProof(leaf, 18, new Uint8Array(log.leaves[leaf].hash), bytes(log.proof(leaf, 18))), rootAt(log, 18));
});

test('a witness’s line is its own, over this checkpoint, with its time', async () => {
	const log = new GrowingLog(await makeLogKey('a/log/1')).fill(3), witness = makeWitness('w.example'), stranger = makeWitness('w.example');
	log.witnesses = [witness];
	const note = log.checkpoint(3, 1_800_000_000);
	assert.equal(await cosignedAt(note, witness.verifierKey), 1_800_000_000_000);
	assert.equal(await cosignedAt(note, stranger.verifierKey), null, 'the same name with another key');
	assert.equal(await cosignedAt(note.replace('\n3\n', '\n4\n'), witness.verifierKey), null, 'another checkpoint');
	await assert.rejects(cosignedAt(note, log.key.verifierKey), 'a log’s key is no witness’s');
});

test('a month in weeks from Monday', () => {
	const weeks = weeksOf('2027-02'); /* begins on a Monday, has four weeks */
	assert.equal(weeks.length, 4);
	assert.equal(weeks[0][0], '2027-02-01');
	assert.equal(weeks[3][6], '2027-02-28');
	assert.deepEqual(weeksOf('2026-11')[0], [null, null, null, null, null, null, '2026-11-01']);
	assert.equal(weeksOf('2028-02').flat().filter(Boolean).length, 29);
	assert.equal(monthPlus('2026-11', 3), '2027-02');
	assert.equal(monthPlus('2027-01', -1), '2026-12');
	assert.deepEqual([heat(1, 100), heat(100, 100), heat(1, 1), heat(51, 100)], [1, 4, 4, 3]);
});

test('clocks: days, hours, late', () => {
	const now = Date.parse('2026-11-22T12:00:00Z'), due = (ms) => new Date(now + ms).toISOString();
	assert.deepEqual(leftInWords(due(3.5 * DAY), now), ['clock.days', { days: 3 }]);
	assert.deepEqual(leftInWords(due(DAY), now), ['clock.hours', { hours: 24 }]);
	assert.deepEqual([leftInWords(due(60_000), now), leftInWords(due(-60_000), now)], [['clock.lastHour'], ['clock.lateNow']]);
	assert.deepEqual(leftInWords(due(-1.5 * DAY), now), ['clock.lateHours', { hours: 36 }]);
	assert.deepEqual(leftInWords(due(-2.2 * DAY), now), ['clock.late', { days: 2 }]);
	assert.deepEqual([urgency(due(-1), now), urgency(due(6 * DAY), now), urgency(due(8 * DAY), now)], ['late', 'soon', 'calm']);
	assert.equal(elapsed(due(-10 * DAY), due(30 * DAY), now), 0.25);
	assert.equal(elapsed(due(-10 * DAY), due(-DAY), now), 1);
});

test('an end is told in midnights, not in hours', () => {
	const at = (...parts) => new Date(2026, 10, ...parts); /* where the reader is */
	assert.equal(nightsUntil(at(23, 6), at(22, 20)), 1, 'ten hours on is tomorrow');
	assert.equal(nightsUntil(at(22, 23), at(22, 1)), 0, 'twenty-two hours on is today');
	assert.equal(nightsUntil(at(30, 0, 30), at(22, 23, 30)), 8);
	assert.equal(nightsUntil(new Date(2026, 2, 30), new Date(2026, 2, 28)), 2, 'over a night that is an hour shorter');
});

test('bars: steps of the scale, and what a bar stands for', () => {
	assert.deepEqual([1, 4, 5, 9, 41, 284].map((most) => stepFor(most)), [1, 1, 2, 5, 20, 100]);
	assert.deepEqual(['2026-12-22', '2027-03-01', '2028-01-01', '2036-01-01'].map((to) => grainFor('2026-11-22', to)), ['day', 'week', 'month', 'year']);
});
