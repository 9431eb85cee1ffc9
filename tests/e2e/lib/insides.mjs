/* What a running process shows to root: its arguments, environment, open memory files, limits, and its memory. */
import { closeSync, openSync, readFileSync, readSync, readdirSync, readlinkSync, statSync } from 'node:fs';

const CHUNK = 1 << 24;

export const argumentsOf = (pid) => readFileSync(`/proc/${pid}/cmdline`);
export const environmentOf = (pid) => readFileSync(`/proc/${pid}/environ`);
export const statusOf = (pid) => Object.fromEntries(readFileSync(`/proc/${pid}/status`, 'utf8').split('\n')
	.map((line) => line.split(/:\s+/)).filter((pair) => pair.length === 2));
export const coreLimit = (pid) => /^Max core file size\s+(\d+|unlimited)\s+(\d+|unlimited)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8')).slice(1);

/* Of a process that may not be dumped everything in /proc belongs to root (proc(5)); tells nothing about root's own. */
export const ownerOf = (pid) => statSync(`/proc/${pid}/environ`).uid;

/* Regular files without a name that it holds: memory files and deleted ones: [{ target, bytes }]. */
export function namelessFiles(pid) {
	return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
		try {
			const path = `/proc/${pid}/fd/${fd}`, target = readlinkSync(path);
			return /^\/memfd:|\(deleted\)$/.test(target) && statSync(path).isFile() ? [{ target, bytes: readFileSync(path) }] : [];
		} catch {
			return []; /* closed meanwhile, or write-only */
		}
	});
}

/* Its writable memory, in pieces that overlap: { bytes, start, locked, kept } where kept says it would be in a core dump. */
export function* memoryOf(pid) {
	const maps = readFileSync(`/proc/${pid}/smaps`, 'latin1').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
	const file = openSync(`/proc/${pid}/mem`, 'r');
	try {
		for (const map of maps) {
			const [, from, to, rights] = /^([0-9a-f]+)-([0-9a-f]+) (\S+)/.exec(map);
			const flags = /^VmFlags:(.*)$/m.exec(map)?.[1].split(' ') ?? [];
			if (!rights.startsWith('rw'))
				continue;
			const end = parseInt(to, 16);
			for (let start = parseInt(from, 16); start < end; start += CHUNK) {
				const bytes = Buffer.alloc(Math.min(CHUNK + 256, end - start));
				try {
					const read = readSync(file, bytes, 0, bytes.length, start);
					yield { bytes: bytes.subarray(0, read), start, locked: flags.includes('lo'), dumped: !flags.includes('dd') };
				} catch {
					/* a page that cannot be read, or is gone */
				}
			}
		}
	} finally {
		closeSync(file);
	}
}
