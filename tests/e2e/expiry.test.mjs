/* R16: a recording is erased when its time has come, by itself, and a clock that jumped erases nothing unasked. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Instance, sleep, until } from './lib/instance.mjs';
import { record } from './lib/record.mjs';
import { adminCall } from './lib/staff.mjs';

let instance, made;
before(async () => {
	instance = await Instance.start();
	made = await record(instance, 3);
});
after(async () => instance?.stop());

const onDisk = () => readdirSync(join(instance.home, 'recordings'));
const detail = async () => (await instance.platform('GET', `/v1/sessions/${made.session.id}`)).body.recordings[0];

test('what would be erased, and when, can be asked before', async () => {
	const answer = await adminCall(instance, 'GET', '/v1/recordings');
	const one = answer.body.recordings.find(({ id }) => id === made.recording);
	assert.ok(Date.parse(one.expires) > Date.now() + 86400000, JSON.stringify(one));
	made.expires = Date.parse(one.expires);
});

test('a wall clock that jumped must be confirmed first', async () => {
	instance.setClock(made.expires - Date.now() + 60000);
	await sleep(4000);
	assert.equal(onDisk().length, 1, 'nothing is erased on a jump');
	assert.notEqual((await detail()).state, 'erased');
	await instance.cli('clock', 'confirm', '--admin', 'admin', '--reason', 'time zone of the host was wrong');
	await until('it is erased', () => onDisk().length === 0, 10000);
	assert.equal((await detail()).state, 'erased');
});

test('the state survives a restart of everything', async () => {
	await instance.cli('serve', '--stop');
	await instance.serve();
	assert.equal((await detail()).state, 'erased');
	assert.deepEqual(onDisk(), []);
});
