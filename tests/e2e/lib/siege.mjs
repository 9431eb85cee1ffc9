/*
 * A running system under load and the violent ends of its processes: some calls that are recorded, things that persons
 * and staff do meanwhile, `kill -9` of some processes, and what must hold afterwards (tests/e2e/kills.test.mjs).
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as path } from 'node:path';
import { CallPeers } from './call_peers.mjs';
import { Instance, sleep, until } from './instance.mjs';
import { Party } from './party.mjs';
import { decodeErrors, exportWithAge } from './recording.mjs';
import { frameNumbers, identity, recordingFiles, rowsOf } from './remains.mjs';

const ROLES = ['coach', 'coachee'];
const FPS = 25;
/* The open segment, and two seconds for what the machine has not yet made durable, if it is not slower than that. */
const LOST_MS = 4000 + 2000;
/* How much longer this machine just took for a few bytes and an fsync is allowed so many times: header, segment, row. */
const SLOW_TIMES = 3;
/* Media went on: a longer silence than a busy machine makes. */
const SILENCE_MS = 3000;
/* Processes are back, calls recorded again, everything that was under way done. */
const BACK_MS = 40000;

/* Numbers from a seed, the same on every machine. */
export class Chance {
	constructor(seed) {
		this.seed = seed;
		this.drawn = 0;
	}

	/* 0 … n - 1 */
	below(n) {
		const hash = createHash('sha256').update(`${this.seed}/${this.drawn++}`).digest();
		return Number(hash.readBigUInt64BE() % BigInt(n));
	}

	shuffled(list) {
		return list.map((value) => ({ value, at: this.below(2 ** 32) })).sort((a, b) => a.at - b.at).map(({ value }) => value);
	}

	one(list) {
		return list[this.below(list.length)];
	}
}

/* Asks until it is answered: no answer and "vault-unavailable" are a reason to ask again, as for a page. */
async function persist(what, ask, good = [200, 201, 204]) {
	const answer = await until(what, async () => {
		const got = await ask();
		return got.status !== 503 && got;
	}, BACK_MS, 150);
	assert.ok(good.includes(answer.status), `${what}: ${answer.status} ${answer.text ?? JSON.stringify(answer.body)}`);
	return answer;
}

/* As person.join(), patiently. */
async function join(person) {
	person.principal = (await persist('oneself', () => person.call('GET', '/v1/party'))).body.pii_principal;
	await persist('a device', () => person.enrol());
}

const hex = (id) => id.replaceAll('-', '');

/* What a small write to the disk takes here and now, time for being scheduled included. */
class DiskProbe {
	constructor(directory) {
		this.took = [];
		this.file = open(path(directory, 'probe'), 'w');
		this.timer = setInterval(() => this.#measure(Date.now()), 500);
	}

	async #measure(begun) {
		const file = await this.file;
		await file.write('x', 0);
		await file.sync();
		this.took = [...this.took.slice(-40), { at: Date.now(), ms: Date.now() - begun }];
	}

	/* The longest of the last ten seconds. */
	get worst() {
		return Math.max(0, ...this.took.filter(({ at }) => at > Date.now() - 10000).map(({ ms }) => ms));
	}

	async stop() {
		clearInterval(this.timer);
		await sleep(100);
		await (await this.file).close();
	}
}

/* One session whose two persons are in a call that they want recorded. */
class Call {
	constructor(siege, name) {
		Object.assign(this, { siege, name, frames: { coach: 0, coachee: 0 } });
	}

	peer(role) {
		return `${this.name}.${role}`;
	}

	async begin() {
		const { instance } = this.siege;
		this.session = await until('a session', () => instance.session(), BACK_MS, 150);
		this.persons = Object.fromEntries(ROLES.map((role) => [role, new Party(instance, this.session, role)]));
		for (const person of Object.values(this.persons))
			await join(person);
		await this.dial();
		for (const role of ROLES)
			await this.give(role);
	}

	async dial() {
		for (const role of ROLES)
			await until(`${role} calls`, () => this.siege.peers.call(this.persons[role], this.peer(role), this.frames[role]).then(
				() => true, (error) => {
					if (this.ending && error.status === 410)
						return true; /* nobody may join any more */
					throw error;
				}), BACK_MS, 150);
	}

	hangUp() {
		for (const role of ROLES)
			this.siege.peers.drop(this.peer(role));
	}

	/* A give whose answer was lost may have been taken: then the next one is another record of the same consent. */
	async give(role) {
		const person = this.persons[role];
		await persist('a give', async () => person.post(await person.give(['recording', 'supervision'])));
	}

	/* What the page does: the same statement until it is acknowledged. */
	async withdraw(role) {
		const person = this.persons[role];
		const body = await until('a notice', () => person.decide('ConsentWithdrawn'), BACK_MS, 150);
		await persist('a withdrawal', () => person.post(body));
	}

	/* After the end of a gateway, as the page does. */
	async dialAgain(counted) {
		for (const role of ROLES)
			this.frames[role] = Math.max(this.frames[role], counted[this.peer(role)]?.frame ?? 0) + 1000;
		this.opened = null; /* the numbers of the frames leap */
		this.hangUp();
		await this.dial();
	}

	/* One that called a gateway that was killed before this siege knew of the call has to call again. */
	async isOpen(mayCallAgain) {
		const { state, reasons } = await this.persons.coach.gate();
		if (mayCallAgain && reasons.includes('disconnected')) {
			await sleep(2000);
			if ((await this.persons.coach.gate()).reasons.includes('disconnected'))
				await this.dialAgain(await this.siege.peers.count());
		}
		return state === 'open';
	}
}

export class Siege {
	constructor(chance) {
		Object.assign(this, { chance, calls: [], work: mkdtempSync(path(tmpdir(), 'aparte-siege-')), checkpoints: [], wrapped: new Map(),
			erased: new Set(), seen: new Map(), known: new Map(), cut: new Map(), sessions: 0 });
	}

	static async begin(chance, calls) {
		const siege = new Siege(chance);
		siege.disk = new DiskProbe(siege.work);
		try {
			siege.instance = await Instance.start({ config: { 'gateway.rate_per_minute': 100000, 'retention.scan_seconds': 2 } });
			siege.peers = await CallPeers.start();
			for (let n = 0; n < calls; n++)
				await siege.addCall();
			await siege.settle();
			await siege.note();
		} catch (error) {
			await siege.end();
			throw error;
		}
		return siege;
	}

	async addCall() {
		const call = new Call(this, `s${this.sessions++}`);
		await call.begin();
		this.calls.push(call);
	}

	async end() {
		await this.disk.stop();
		await this.peers?.stop();
		await this.instance?.stop();
		rmSync(this.work, { recursive: true, force: true });
	}

	vault(sql) {
		return rowsOf(this.instance, 'vault.db', sql);
	}

	keys(sql) {
		return rowsOf(this.instance, 'keys.db', sql);
	}

	/* ---- what is done meanwhile; each of a call of its own ---- */

	deeds = {
		withdraw: async (call) => {
			const role = this.chance.one(ROLES);
			await call.withdraw(role);
			for (const { id } of await this.vault(`SELECT lower(hex(id)) id FROM recording WHERE session = x'${hex(call.session.id)}'`))
				this.erased.add(id);
			await call.give(role);
		},
		end: async (call) => {
			call.ending = true;
			await persist('the end of a session', () => this.instance.platform('DELETE', `/v1/sessions/${call.session.id}`));
			call.hangUp();
			this.calls.splice(this.calls.indexOf(call), 1);
			await this.addCall();
		},
		erase: async () => {
			const [one] = this.chance.shuffled([...this.known.values()].filter(({ gone }) => !gone));
			if (!one)
				return;
			await this.instance.cli('erase', '--recording', one.uuid, '--reason', 'test', '--admin', 'admin').then(
				() => this.erased.add(one.id), () => {}); /* not answered: it counts if it was ordered */
		},
		play: async (call) => {
			const mine = [...this.known.values()].filter(({ gone, session }) => !gone && session === hex(call.session.id));
			if (!mine.length)
				return;
			const one = this.chance.one(mine);
			const answer = await call.persons.coach.call('GET', `/v1/party/recordings/${one.uuid}/tracks/coach`).catch(() => null);
			assert.ok(!answer || [200, 410, 502, 503].includes(answer.status), `playback: ${answer?.status} ${answer?.text}`);
		},
		pause: async (call) => {
			await persist('a pause', () => call.persons.coach.call('POST', '/v1/party/pause', {}));
			for (const role of ROLES)
				await persist('going on', () => call.persons[role].call('DELETE', '/v1/party/pause'));
		},
		/* A session that ends before it was recorded: its shares and keys must go. */
		fleeting: async () => {
			const session = await until('a session', () => this.instance.session(), BACK_MS, 150);
			const person = new Party(this.instance, session, 'coach');
			await join(person);
			await persist('a give', async () => person.post(await person.give()));
			await persist('an end', () => this.instance.platform('DELETE', `/v1/sessions/${session.id}`));
		},
	};

	async later(ms, deed, call) {
		await sleep(ms);
		await this.deeds[deed](call);
	}

	/* ---- a round ---- */

	/* Processes that a kill may meet, each a list of process ids. */
	targets() {
		const p = this.instance.processes();
		return { capture: this.chance.below(2) ? p.captures : p.captures.slice(0, 1), vault: [p['aparte-recorder']],
			gateway: [p['aparte-gateway']], zygote: [p['aparte-capture']], supervisor: [p.serve] };
	}

	seeProcesses() {
		const { captures, ...rest } = this.instance.processes();
		for (const pid of [...captures, ...Object.values(rest)].filter(Boolean))
			if (identity(pid))
				this.seen.set(pid, identity(pid));
	}

	/* The log's state and the wrapped shares, kept outside. */
	async note() {
		const response = await fetch(`${this.instance.gateway}/v1/ledger/checkpoint`);
		assert.equal(response.status, 200);
		const [, size, root] = (await response.text()).split('\n');
		this.checkpoints.push({ size: Number(size), root });
		for (const { owner, wrapped } of await this.keys('SELECT lower(hex(owner)) owner, lower(hex(wrapped)) wrapped FROM share'))
			this.wrapped.set(owner, wrapped);
		this.seeProcesses();
	}

	async round(victims) {
		await sleep(this.chance.below(2) ? this.chance.below(6000) : 0); /* some recordings have segments, some do not */
		const calls = this.chance.shuffled(this.calls);
		const deeds = this.chance.shuffled(Object.keys(this.deeds)).slice(0, this.chance.below(3) + 1);
		const begun = new Set(['withdraw', 'end'].includes(deeds[0]) ? [calls[0]] : []);
		deeds.forEach((deed, n) => deed !== 'play' && begun.add(calls[n]));
		const done = deeds.map((deed, n) => this.later(this.chance.below(500), deed, calls[n]));
		const settled = Promise.allSettled(done);
		await sleep(this.chance.below(1200));
		this.seeProcesses();
		const underWay = await this.vault("SELECT lower(hex(id)) id, lower(hex(session)) session, created_ms FROM recording WHERE state = 'recording'");
		const counted = await this.peers.count();
		const targets = this.targets();
		for (const pid of victims.flatMap((victim) => targets[victim] ?? []).filter(Boolean))
			process.kill(pid, 'SIGKILL');
		const killed = Date.now();
		this.noteCut(victims, underWay, counted);
		const undisturbed = calls.filter((call) => !begun.has(call));
		await this.comeBack(victims, counted);
		for (const outcome of await settled)
			if (outcome.status === 'rejected')
				throw outcome.reason;
		const callsLive = !victims.includes('gateway') && !victims.includes('supervisor');
		await this.settle(!callsLive);
		if (callsLive)
			await this.wentOn(undisturbed);
		await this.check();
		await this.note();
		return { deeds, ms: Date.now() - killed };
	}

	/* Recordings that this kill ends, with the numbers of the frames that were sent by then. */
	noteCut(victims, underWay, counted) {
		for (const { id, session } of underWay) {
			const call = this.calls.find((one) => hex(one.session.id) === session);
			if (!call || this.cut.has(id))
				continue;
			const sent = ROLES.map((role) => counted[call.peer(role)]?.frame);
			if (victims.some((victim) => victim !== 'gateway' && victim !== 'capture') && sent.every((n) => n !== undefined))
				this.cut.set(id, { sent, since: call.opened?.recording === id ? call.opened.frames : null,
					most: Math.ceil(((LOST_MS + SLOW_TIMES * this.disk.worst) * FPS) / 1000) });
		}
	}

	async comeBack(victims, counted) {
		if (victims.includes('supervisor'))
			await this.instance.serve();
		await until('both listeners are ready', async () => (await Promise.all([this.instance.gateway, this.instance.vault].map((base) =>
			fetch(`${base}/readyz`).catch(() => ({}))))).every(({ status }) => status === 200), BACK_MS);
		if (!victims.includes('gateway') && !victims.includes('supervisor'))
			return;
		for (const call of [...this.calls])
			await call.dialAgain(counted);
	}

	/* All calls are recorded again, and nothing is left to be done. */
	async settle(mayCallAgain = false) {
		for (const call of this.calls)
			await until(`the gate of ${call.name} is open`, () => call.isOpen(mayCallAgain), BACK_MS).catch(async (error) => {
				error.message += `: ${JSON.stringify(await call.persons.coach.me().catch(String))}`;
				throw error;
			});
		await until('no erasure is under way', async () => (await this.vault('SELECT 1 FROM erasure WHERE certificate IS NULL')).length === 0, BACK_MS);
		await until('only what runs is unsealed', async () => (await this.vault("SELECT 1 FROM recording WHERE state = 'recording'")).length
			<= this.calls.length, BACK_MS);
		const counted = await this.peers.count();
		for (const { id, session } of await this.vault("SELECT lower(hex(id)) id, lower(hex(session)) session FROM recording WHERE state = 'recording'")) {
			const call = this.calls.find((one) => hex(one.session.id) === session);
			if (call && call.opened?.recording !== id)
				call.opened = { recording: id, frames: ROLES.map((role) => counted[call.peer(role)].frame) };
		}
		this.flow = counted;
	}

	/* Nobody noticed: every packet arrived, without a long silence. */
	async wentOn(calls) {
		for (const call of calls.filter((one) => this.calls.includes(one)))
			for (const role of ROLES) {
				const { ready, lost, gap } = this.flow[call.peer(role)];
				assert.ok(ready && lost === 0 && gap < SILENCE_MS, `${call.peer(role)} went on: ${JSON.stringify(this.flow[call.peer(role)])}`);
			}
	}

	/* ---- what must hold ---- */

	async check() {
		await this.noProcessIsLeft();
		const recordings = await this.vault(`SELECT lower(hex(r.id)) id, lower(hex(r.session)) session, r.state, r.manifest IS NOT NULL manifest,
			(SELECT count(*) FROM epoch e WHERE e.recording = r.id) epochs, s.state session_state,
			(SELECT group_concat(role || '/' || number) FROM segment g WHERE g.recording = r.id) segments FROM recording r JOIN session s ON s.id = r.session`);
		await this.filesFit(recordings);
		await this.keysFit(recordings);
		await this.erasedIsErased(recordings);
		await this.logIsWhole();
		for (const recording of recordings)
			if (recording.state === 'sealed' && !this.known.has(recording.id))
				await this.isPlayable(recording);
		for (const recording of recordings)
			if (recording.state === 'erased' && this.known.has(recording.id))
				this.known.get(recording.id).gone = true;
	}

	async noProcessIsLeft() {
		const { captures, ...rest } = this.instance.processes();
		const now = new Set([...captures, ...Object.values(rest)]);
		await until('every process that was killed or orphaned is gone', () => [...this.seen].every(([pid, start]) =>
			now.has(pid) || identity(pid) !== start), BACK_MS);
		await until('one capture a recording', () => this.instance.processes().captures.length <= this.calls.length, BACK_MS);
	}

	/* No file but what a manifest or a running recording has. A running one's are told to vault.db a moment later. */
	async filesFit(recordings) {
		const files = recordingFiles(this.instance);
		for (const [directory, tracks] of Object.entries(files)) {
			const recording = recordings.find(({ id }) => id === hex(directory));
			assert.ok(recording && recording.state !== 'erased', `${directory} belongs to nothing: ${JSON.stringify(recording)}`);
			if (recording.state === 'recording')
				continue;
			const rows = (recording.segments ?? '').split(',').filter(Boolean);
			ROLES.forEach((role, n) => assert.deepEqual(tracks[role],
				rows.filter((row) => row.startsWith(`${n + 1}/`)).map((row) => `${row.slice(2)}.age`).sort(), `the files of ${directory}/${role}`));
		}
		for (const { id, state, manifest } of recordings)
			assert.ok(manifest || state === 'recording' || state === 'erased', `${id} is ${state} without a manifest`);
	}

	async keysFit(recordings) {
		const living = new Set(recordings.filter(({ state }) => state !== 'erased').map(({ id }) => id));
		const needed = new Set((await this.vault(`SELECT lower(hex(record_id)) id FROM consent c WHERE event = 'ConsentGiven' AND
			(EXISTS (SELECT 1 FROM recording r WHERE r.state <> 'erased' AND c.record_id IN (r.coach_record, r.coachee_record))
			OR (SELECT state FROM session WHERE id = c.session) <> 'ended' AND c.seq = (SELECT max(seq) FROM consent l
			WHERE l.session = c.session AND l.role = c.role AND l.purposes LIKE '%"recording"%'))`)).map(({ id }) => id));
		const shares = await this.keys('SELECT lower(hex(owner)) owner, slot, pending FROM share');
		for (const { owner, slot, pending } of shares) {
			assert.ok(slot === 3 ? living.has(owner) : needed.has(owner), `share ${slot} of ${owner} belongs to nothing`);
			assert.equal(pending, 0, `share ${slot} of ${owner} is pending`);
		}
		for (const id of living)
			assert.ok(shares.some(({ owner, slot }) => slot === 3 && owner === id), `${id} has no share`);
		const ended = new Set((await this.vault("SELECT lower(hex(id)) id FROM session WHERE state = 'ended'")).map(({ id }) => id));
		for (const { session } of await this.keys('SELECT lower(hex(session)) session FROM seal'))
			assert.ok(!ended.has(session), `a seal key of ${session}, which has ended`);
		assert.deepEqual(await this.vault(`SELECT lower(hex(session)) session FROM party WHERE token_expires_ms IS NULL AND
			(SELECT state FROM session WHERE id = party.session) = 'ended' AND NOT EXISTS (SELECT 1 FROM recording r
			WHERE r.session = party.session AND r.state <> 'erased')`), [], 'tokens without an end');
	}

	async erasedIsErased(recordings) {
		for (const id of this.erased)
			assert.equal(recordings.find((one) => one.id === id)?.state, 'erased', `${id} was to be erased`);
		const bytes = this.instance.files().filter((file) => file.path.includes('/vault/'));
		for (const { id, state } of recordings)
			if (state === 'erased' && this.wrapped.has(id)) {
				const wrapped = Buffer.from(this.wrapped.get(id), 'hex');
				for (const file of bytes)
					assert.ok(!file.bytes.includes(wrapped), `the wrapped share of ${id} is still in ${file.path}`);
			}
	}

	async logIsWhole() {
		assert.equal((await this.instance.cli('ledger', 'verify', '--json')).valid, true);
		const hashes = [];
		for (let size = this.checkpoints.at(-1)?.size ?? 0; hashes.length < size;) {
			const { leaves } = await (await fetch(`${this.instance.gateway}/v1/ledger/leaves?from=${hashes.length}&count=${Math.min(500, size - hashes.length)}`)).json();
			hashes.push(...leaves.map((leaf) => createHash('sha256').update(Buffer.from([0])).update(Buffer.from(leaf, 'base64url')).digest()));
		}
		for (const { size, root } of this.checkpoints.slice(-6))
			assert.equal(rootOf(hashes.slice(0, size)).toString('base64'), root, `the checkpoint of ${size} that was kept outside`);
	}

	/* Decrypted with age: every frame is there, but what the last open segment held when it was cut. */
	async isPlayable(recording) {
		const uuid = recording.id.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
		this.known.set(recording.id, { id: recording.id, uuid, session: recording.session });
		const files = await exportWithAge(this.instance, uuid, path(this.work, uuid));
		const { sent, since, most } = this.cut.get(recording.id) ?? {};
		for (const [n, role] of ROLES.entries()) {
			const numbers = frameNumbers(files[role]);
			const gaps = numbers.slice(1).filter((number, at) => number !== numbers[at] + 1).length;
			assert.ok(gaps < recording.epochs, `${uuid} ${role}: ${gaps} gaps in ${recording.epochs} epochs`);
			if (sent && since && sent[n] - since[n] > most)
				assert.ok(numbers.at(-1) >= sent[n] - most,
					`${uuid} ${role}: ${numbers.length} frames to ${numbers.at(-1)}; sent ${since[n]} to ${sent[n]}, at most ${most} may be lost`);
			if (numbers.length)
				assert.equal(await decodeErrors(files[role]), '', `${uuid} ${role}`);
		}
		rmSync(path(this.work, uuid), { recursive: true });
	}
}

/* RFC 6962. */
function rootOf(hashes) {
	if (hashes.length <= 1)
		return hashes[0] ?? createHash('sha256').digest();
	const split = 2 ** Math.floor(Math.log2(hashes.length - 1));
	return createHash('sha256').update(Buffer.from([1])).update(rootOf(hashes.slice(0, split))).update(rootOf(hashes.slice(split))).digest();
}
