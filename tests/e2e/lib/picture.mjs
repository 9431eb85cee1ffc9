/*
 * The known moving picture and tone that the fake camera and microphone give, and how to read them back.
 *
 * Each frame (640×480, 30 a second, 40 s, then again from 0) carries a row of 16 blocks, white 1 and black 0: the
 * person (1 bit), the frame's number (11 bits), a checksum (4 bits). A bar moves over the rest.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const WIDTH = 640, HEIGHT = 480, FPS = 30, FRAMES = 1200;
export const TONE = { coach: 440, coachee: 660 };
const BLOCK = WIDTH / 16, TOP = 180, BOTTOM = 300;
const person = (role) => (role === 'coach' ? 0 : 1);
const checksum = (value) => ((value >> 8) ^ (value >> 4) ^ value ^ 5) & 15;

function frameBits(role, number) {
	const value = (person(role) << 11) | number;
	return (value << 4) | checksum(value);
}

/* Writes one frame of grey bytes into `grey`. */
export function draw(grey, role, number) {
	const bits = frameBits(role, number);
	const bar = (number * 8) % WIDTH;
	for (let y = 0; y < HEIGHT; y++) {
		const row = y * WIDTH;
		if (y >= TOP && y < BOTTOM) {
			for (let block = 0; block < 16; block++)
				grey.fill((bits >> (15 - block)) & 1 ? 235 : 20, row + block * BLOCK, row + (block + 1) * BLOCK);
		} else {
			grey.fill(90 + (y >> 3), row, row + WIDTH);
			grey.fill(200, row + bar, row + Math.min(bar + 24, WIDTH));
		}
	}
}

/* Reads the blocks of a picture: `luma(x, y)` gives 0…255 for a place in 640×480. Used in pages too: keep it closed. */
export function readBlocks(luma) {
	let bits = 0;
	for (let block = 0; block < 16; block++) {
		let sum = 0;
		for (let dx = -6; dx <= 6; dx += 6)
			for (let dy = -20; dy <= 20; dy += 20)
				sum += luma(block * 40 + 20 + dx, 240 + dy);
		bits = (bits << 1) | (sum / 9 > 128 ? 1 : 0);
	}
	const value = bits >> 4;
	if ((((value >> 8) ^ (value >> 4) ^ value ^ 5) & 15) !== (bits & 15))
		return null;
	return { role: value >> 11 ? 'coachee' : 'coach', number: value & 2047 };
}

async function ffmpeg(args, feed) {
	const child = spawn('ffmpeg', ['-v', 'error', '-y', ...args], { stdio: [feed ? 'pipe' : 'ignore', 'inherit', 'inherit'] });
	const ended = once(child, 'exit');
	if (feed) {
		for (const part of feed())
			if (!child.stdin.write(part))
				await once(child.stdin, 'drain');
		child.stdin.end();
	}
	const [code] = await ended;
	if (code !== 0)
		throw new Error(`ffmpeg ${args.join(' ')} ended with ${code}`);
}

function* frames(role) {
	for (let number = 0; number < FRAMES; number++) {
		const grey = Buffer.alloc(WIDTH * HEIGHT);
		draw(grey, role, number);
		yield grey;
	}
}

/* Files for a person's fake devices; made once per machine. */
export async function deviceFiles(role) {
	const directory = join(tmpdir(), 'aparte-e2e-devices');
	mkdirSync(directory, { recursive: true });
	const video = join(directory, `${role}.mjpeg`), audio = join(directory, `${role}-beeps.wav`);
	if (!existsSync(video)) {
		const fresh = `${video}.${process.pid}.mjpeg`;
		await ffmpeg(['-f', 'rawvideo', '-pix_fmt', 'gray', '-s', `${WIDTH}x${HEIGHT}`, '-r', String(FPS), '-i', '-',
			'-pix_fmt', 'yuvj420p', '-q:v', '6', '-f', 'mjpeg', fresh], () => frames(role));
		renameSync(fresh, video);
	}
	if (!existsSync(audio)) {
		const fresh = `${audio}.${process.pid}.wav`;
		/* In beeps: noise suppression takes a steady tone for noise. */
		const wave = `0.4*sin(2*PI*${TONE[role]}*t)*lt(mod(t\\,0.5)\\,0.25)`;
		await ffmpeg(['-f', 'lavfi', '-i', `aevalsrc=${wave}:s=48000:d=40`, '-ac', '1', fresh]);
		renameSync(fresh, audio);
	}
	return { video, audio };
}
