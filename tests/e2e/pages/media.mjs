/* Two short WebM files (VP8, Opus, a keyframe every second) for the player's tests. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function makeTracks(seconds = 12) {
	const folder = mkdtempSync(join(tmpdir(), 'aparte-tracks-'));
	const make = (name, picture, tone) => {
		const file = join(folder, `${name}.webm`);
		execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', `${picture}=size=320x240:rate=25`, '-f', 'lavfi', '-i', `sine=${tone}`,
			'-t', String(seconds), '-c:v', 'libvpx', '-g', '25', '-b:v', '200k', '-deadline', 'realtime', '-c:a', 'libopus', file]);
		return readFileSync(file);
	};
	try {
		return { coach: make('coach', 'testsrc', 440), coachee: make('coachee', 'testsrc2', 660) };
	} finally {
		rmSync(folder, { recursive: true });
	}
}
