/*
 * kill -9 of capture, vault, gateway, zygote and supervisor, singly and together, at random moments while three calls are
 * recorded and persons and staff decide, end, erase, watch. APARTE_TEST_SEED repeats a run (as far as a machine does),
 * APARTE_TORTURE_SECONDS goes on for that long; otherwise a few rounds stand for the rest.
 */
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Chance, Siege } from './lib/siege.mjs';

const CALLS = 3;
const seed = process.env.APARTE_TEST_SEED ?? String(randomBytes(8).readBigUInt64BE());
const seconds = Number(process.env.APARTE_TORTURE_SECONDS ?? 0);
const chance = new Chance(seed);

const PROCESSES = ['capture', 'vault', 'gateway', 'zygote', 'supervisor'];
const pairs = PROCESSES.flatMap((one, n) => PROCESSES.slice(n + 1).map((other) => [one, other]));
const every = [...PROCESSES.map((one) => [one]), ...pairs, PROCESSES];

console.log(`seed ${seed}`);
let siege, failed;
before(async () => { siege = await Siege.begin(chance, CALLS); });
after(async () => siege?.end());

/* What one round breaks the next ones would only find again. */
async function round(victims) {
	if (failed)
		throw new Error('an earlier round failed');
	try {
		return await siege.round(victims);
	} catch (error) {
		failed = true;
		error.message += `\nseed ${seed}, killed ${victims.join(' ')}\n${siege.instance.log().slice(-6000)}`;
		throw error;
	}
}

/* The vault and the supervisor are where most can break, so they are always among the few. */
const few = [['vault'], ...chance.shuffled([['gateway'], ['capture'], ['zygote']]).slice(0, 1), ['supervisor'], chance.one(pairs), PROCESSES];

for (const victims of seconds ? [] : few)
	test(`killed: ${victims.join(', ')}`, async () => { await round(victims); });

if (seconds)
	test(`for ${seconds} s`, async () => {
		let rounds = 0;
		for (const until = Date.now() + seconds * 1000; Date.now() < until;)
			for (const victims of chance.shuffled(every)) {
				if (Date.now() >= until)
					break;
				const { deeds, ms } = await round(victims);
				console.log(`${++rounds}: killed ${victims.join(' ')} during ${deeds.join(' ')}: ${ms} ms`);
			}
		console.log(`${rounds} rounds, seed ${seed}`);
	});
