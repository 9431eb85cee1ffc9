/* A finished recording, looked at from outside: decrypted by the stock `age`, read by ffmpeg and mkvinfo. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readBlocks } from './picture.mjs';

const run = promisify(execFile);

/*
 * `aparte export --segments` of a recording, each segment decrypted by Debian's age with the exported identities,
 * concatenated in order: { coach: path of a WebM, coachee: … }.
 */
export async function exportWithAge(instance, recording, directory) {
	mkdirSync(directory, { recursive: true });
	const segments = join(directory, 'segments'), identity = join(directory, 'identity');
	await instance.cli('export', '--recording', recording, '--identity', identity, '--segments', segments,
		'--reason', 'test', '--admin', 'admin');
	const files = {};
	for (const role of ['coach', 'coachee']) {
		const names = readdirSync(join(segments, role)).filter((n) => n.endsWith('.age')).sort((a, b) => parseInt(a) - parseInt(b));
		const parts = names.map((name) =>
			execFileSync('age', ['--decrypt', '-i', identity, join(segments, role, name)], { maxBuffer: 1 << 28 }));
		files[role] = join(directory, `${role}.webm`);
		writeFileSync(files[role], Buffer.concat(parts));
	}
	return files;
}

/* What ffmpeg says when it decodes the whole file and must not forgive: '' when all is well. */
export async function decodeErrors(file) {
	try {
		const { stderr } = await run('ffmpeg', ['-v', 'error', '-xerror', '-i', file, '-f', 'null', '-']);
		return stderr;
	} catch (error) {
		return error.stderr || String(error);
	}
}

/* Every frame of the picture as `read(luma)` sees it: [{ time (s), seen }]. */
export async function readPictures(file, read) {
	const { stdout } = await run('ffprobe', ['-v', 'error', '-select_streams', 'v:0', '-show_entries',
		'frame=best_effort_timestamp_time', '-of', 'csv=p=0', file], { maxBuffer: 1 << 26 });
	const times = stdout.split('\n').filter(Boolean).map((line) => parseFloat(line));
	const child = spawn('ffmpeg', ['-v', 'error', '-i', file, '-map', '0:v:0', '-fps_mode', 'passthrough', '-vf',
		'scale=640:480', '-pix_fmt', 'gray', '-f', 'rawvideo', '-'], { stdio: ['ignore', 'pipe', 'inherit'] });
	const frames = [];
	let rest = Buffer.alloc(0);
	child.stdout.on('data', (part) => {
		rest = Buffer.concat([rest, part]);
		for (; rest.length >= 307200; rest = rest.subarray(307200)) {
			const grey = rest;
			frames.push({ time: times[frames.length], seen: read((x, y) => grey[y * 640 + x]) });
		}
	});
	await once(child, 'close');
	return frames;
}

/* The known picture's frames: [{ time (s), role, number }], unreadable ones with number null. */
export async function readFrames(file) {
	const frames = await readPictures(file, readBlocks);
	return frames.map(({ time, seen }) => ({ time, ...(seen ?? { number: null }) }));
}

/* Mono samples at 16 kHz from the file's start, silence where it has none. */
export async function readSound(file) {
	const { stdout } = await run('ffmpeg', ['-v', 'error', '-i', file, '-map', '0:a:0', '-af',
		'aresample=16000:async=1:min_hard_comp=0.01:first_pts=0', '-ac', '1', '-f', 'f32le', '-'], { maxBuffer: 1 << 28, encoding: 'buffer' });
	return new Float32Array(stdout.buffer, stdout.byteOffset, Math.floor(stdout.length / 4));
}

/* Goertzel: amplitude of one frequency in samples[from, to) at 16 kHz. */
export function toneAt(samples, frequency, from = 0, to = samples.length) {
	const w = 2 * Math.cos((2 * Math.PI * frequency) / 16000);
	let a = 0, b = 0;
	for (let i = from; i < to; i++)
		[a, b] = [samples[i] + w * a - b, a];
	return (2 * Math.sqrt(Math.max(0, a * a + b * b - w * a * b))) / (to - from);
}

export async function duration(file) {
	const { stdout } = await run('ffprobe', ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', file]);
	return parseFloat(stdout);
}

/* EBML: an element's id and size at an offset, as they stand in the file. */
function element(bytes, at) {
	let length = 1;
	while (length < 5 && !(bytes[at] & (0x80 >> (length - 1))))
		length++;
	const id = bytes.readUIntBE(at, length);
	const start = at + length;
	let sizeLength = 1;
	while (sizeLength < 9 && !(bytes[start] & (0x80 >> (sizeLength - 1))))
		sizeLength++;
	let size = BigInt(bytes[start] & (0xff >> sizeLength));
	for (let i = 1; i < sizeLength; i++)
		size = (size << 8n) | BigInt(bytes[start + i]);
	return { id, data: start + sizeLength, size: Number(size), next: start + sizeLength + Number(size) };
}

function* elements(bytes, from, to) {
	for (let at = from; at < to;) {
		const e = element(bytes, at);
		yield { ...e, at };
		at = e.next;
	}
}

const uint = (bytes, e) => Number(BigInt(`0x${bytes.subarray(e.data, e.data + e.size).toString('hex') || '0'}`));

/* The first video block of a cluster is a keyframe. */
function startsWithKeyframe(bytes, cluster, videoTrack) {
	for (const e of elements(bytes, cluster.data, cluster.next)) {
		let block = e, key;
		if (e.id === 0xa0) {
			const inside = [...elements(bytes, e.data, e.next)];
			block = inside.find((i) => i.id === 0xa1);
			key = !inside.some((i) => i.id === 0xfb);
		} else if (e.id === 0xa3)
			key = (bytes[e.data + 3] & 0x80) !== 0;
		else
			continue;
		if ((bytes[block.data] & 0x7f) === videoTrack)
			return key;
	}
	return false;
}

/* The file's cues, each with whether it points at a cluster that starts with a keyframe: read by our own few lines. */
export function readCues(file) {
	const bytes = readFileSync(file);
	const segment = [...elements(bytes, 0, bytes.length)].find((e) => e.id === 0x18538067);
	const end = Math.min(segment.next, bytes.length);
	const parts = [...elements(bytes, segment.data, end)];
	const tracks = parts.find((e) => e.id === 0x1654ae6b);
	let video;
	for (const entry of elements(bytes, tracks.data, tracks.next)) {
		const inside = [...elements(bytes, entry.data, entry.next)];
		if (uint(bytes, inside.find((i) => i.id === 0x83) ?? { data: 0, size: 0 }) === 1)
			video = uint(bytes, inside.find((i) => i.id === 0xd7));
	}
	const cues = [];
	for (const list of parts.filter((e) => e.id === 0x1c53bb6b))
		for (const point of elements(bytes, list.data, list.next)) {
			const inside = [...elements(bytes, point.data, point.next)];
			const position = [...elements(bytes, inside.find((i) => i.id === 0xb7).data, inside.find((i) => i.id === 0xb7).next)];
			const at = segment.data + uint(bytes, position.find((i) => i.id === 0xf1));
			const cluster = parts.find((e) => e.at === at && e.id === 0x1f43b675);
			cues.push({ time: uint(bytes, inside.find((i) => i.id === 0xb3)),
				cluster: Boolean(cluster), keyframe: Boolean(cluster) && startsWithKeyframe(bytes, cluster, video) });
		}
	return { cues, clusters: parts.filter((e) => e.id === 0x1f43b675).length, whole: segment.next === bytes.length };
}

/* mkvinfo's full reading; it must not complain. */
export async function mkvinfo(file) {
	const { stdout, stderr } = await run('mkvinfo', ['-v', '-v', file], { maxBuffer: 1 << 28, env: { ...process.env, LC_ALL: 'C.UTF-8' } });
	return `${stdout}${stderr}`;
}
