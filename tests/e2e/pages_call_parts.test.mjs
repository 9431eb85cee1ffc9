/* What a person's page keeps and tells, without a browser: withdrawals that are owed, and what the page around it hears. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

const kept = new Map(), told = [];
globalThis.CustomEvent ??= class extends Event { // Node 18
	constructor(name, { detail } = {}) {
		super(name);
		this.detail = detail;
	}
};
globalThis.localStorage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) };
globalThis.window = { parent: { postMessage: ({ event, detail }) => told.push([event, detail]) } };
const { tellRecording } = await import('../../web/call/embedded.js');
const { Owed } = await import('../../web/call/owed.js');
const { ApiError } = await import('../../web/ui/api.js');

/* An API whose answers the test gives, one after another. */
function slowApi() {
	const asked = [];
	const request = (method, path, { body }) => new Promise((resolve, reject) => asked.push({ body: JSON.parse(body), reject,
		take: () => resolve({ text: async () => '{"leaf":1}' }) }));
	return { request, asked };
}

const turn = () => new Promise((done) => setImmediate(done));

test('two tabs owe together: an answer to one decision takes no other from the list (R7)', async () => {
	const party = { session: 's', role: 'coachee' }, a = slowApi(), b = slowApi();
	const inA = new Owed(a, party), inB = new Owed(b, party);
	const first = inA.put('w1', 'h1');
	await turn();
	const again = inB.deliver();
	await turn();
	assert.deepEqual([a.asked[0].body, b.asked[0].body], ['w1', 'w1']);
	a.asked[0].take();
	await first;
	const second = inA.put('w2', 'h2').catch((failure) => failure.name);
	await turn();
	b.asked[0].reject(new ApiError('statement-replayed', 409));
	await assert.rejects(again, { name: 'statement-replayed' });
	assert.ok(inA.owes, 'the second is still owed');
	a.asked[1].take();
	await second;
	assert.ok(!inA.owes);
});

test('what became of a decision is said as far as it is known', async () => {
	for (const [failure, name] of [[new ApiError('vault-unavailable', 503), 'decision-kept'], [new ApiError('rate', 429), 'decision-late'],
		[new ApiError('network', 0), 'decision-late'], [new ApiError('http-502', 502), 'decision-late']]) {
		kept.clear();
		const api = slowApi(), owed = new Owed(api, { session: failure.name, role: 'coach' });
		const given = owed.put('w', 'h');
		await turn();
		api.asked[0].reject(failure);
		await assert.rejects(given, { name });
		assert.ok(owed.owes);
		const repeated = owed.deliver();
		await turn();
		api.asked[1].take();
		await repeated;
	}
});

test('the page around hears of a stop when it is known, not when the link is lost', () => {
	const session = new EventTarget();
	const gate = (state, ...reasons) => session.dispatchEvent(new CustomEvent('gate', { detail: { state, reasons } }));
	tellRecording(session);
	gate('closed', 'unknown');
	gate('open');
	gate('closed', 'unknown');
	assert.deepEqual(told, [['recording', { recording: true }]]);
	gate('closed', 'withdrawn');
	assert.deepEqual(told.at(-1), ['recording', { recording: false }]);
});
