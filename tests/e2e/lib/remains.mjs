/*
 * What an instance has on disk, looked at from outside: its databases as copies, so that no reader of ours ever stands in
 * the vault's way, and the recordings' files.
 */
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/* Rows of `sql` in vault.db or keys.db, as objects; a copy that a checkpoint tore is taken anew. */
export async function rowsOf(instance, database, sql) {
	for (let attempt = 0; ; attempt++) {
		const place = mkdtempSync(join(tmpdir(), 'aparte-rows-'));
		try {
			for (const end of ['-wal', '']) {
				const from = join(instance.home, 'vault', `${database}${end}`);
				if (existsSync(from))
					copyFileSync(from, join(place, `${database}${end}`));
			}
			const { stdout } = await run('sqlite3', ['-json', join(place, database), sql], { maxBuffer: 1 << 26 });
			return stdout.trim() ? JSON.parse(stdout) : [];
		} catch (error) {
			if (attempt === 4)
				throw error;
		} finally {
			rmSync(place, { recursive: true, force: true });
		}
	}
}

/* { recording: { coach: [names], coachee: [names] } } as the directories have them. */
export function recordingFiles(instance) {
	const root = join(instance.home, 'recordings');
	const list = (path) => (existsSync(path) ? readdirSync(path).sort() : []);
	return Object.fromEntries(list(root).map((id) =>
		[id, { coach: list(join(root, id, 'coach')), coachee: list(join(root, id, 'coachee')) }]));
}

const MARK = Buffer.from('ApFrame:');

/* The numbers that call_peers put behind its frames, in the order of a decrypted track. */
export function frameNumbers(file) {
	const bytes = readFileSync(file), numbers = [];
	for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + MARK.length))
		numbers.push(bytes.readUInt32BE(at + MARK.length));
	return numbers;
}

/* State and start time of a process: tells it apart from a later one of the same number. '' when it is gone. */
export function identity(pid) {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
		const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
		return fields[0] === 'Z' ? '' : fields[19];
	} catch {
		return '';
	}
}
