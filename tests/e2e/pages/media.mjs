/*
 * Two short WebM files (VP8, Opus, a keyframe every second) for the player's tests: moving colours, and voices that take
 * turns, the coach in the first half of each four seconds, the other in the second.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function makeTracks(seconds = 12) {
	const folder = mkdtempSync(join(tmpdir(), 'aparte-tracks-'));
	const make = (name, colours, tone, turn) => {
		const file = join(folder, `${name}.webm`);
		const voice = `aevalsrc=0.7*sin(2*PI*${tone}*t)*abs(sin(5*t))*${turn}(mod(t\\,4)\\,2):s=48000`;
		execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', `gradients=s=320x240:r=25:${colours}:speed=0.02`, '-f', 'lavfi', '-i', voice,
			'-t', String(seconds), '-c:v', 'libvpx', '-pix_fmt', 'yuv420p', '-g', '25', '-b:v', '200k', '-deadline', 'realtime', '-c:a', 'libopus', file]);
		return readFileSync(file);
	};
	try {
		return { coach: make('coach', 'c0=0x1d4d47:c1=0xd9c7a3', 220, 'lt'), coachee: make('coachee', 'c0=0x6a3d2e:c1=0xe8d9b8', 330, 'gte') };
	} finally {
		rmSync(folder, { recursive: true });
	}
}
