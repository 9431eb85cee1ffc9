/*
 * How loud each person is along the recording, for the timeline: the page reads the tracks beside the player, takes the
 * sound out of them and decodes it. Nobody keeps it: the vault has no copy of what a voice looks like, and the page's goes
 * with the page. A short recording is read whole; of a long one only what lies a little ahead of the place that is
 * watched, so that an hour begins without its download. Without a decoder in the browser (WebCodecs) there is none.
 */
import { SoundReader, findCluster } from './webm.js';

const PIECE = 1024 * 1024;
/* Both tracks together, bytes: up to here they are read whole. */
const WHOLE = 96 * 1024 * 1024;
const AHEAD_S = 90;
const BINS = 2400;
const LEAST_BIN_S = 0.04;
/* A place further than this from where reading stands is looked for, s; how often, before it is read up to. */
const FAR_S = 15;
const TRIES = 5;
const BACK_S = 1.5; /* a cluster lasts a second at most */
const NOT_READ = -1, NOTHING = -2;
const HOLE_S = 1.5;

/* Peaks of one track over `duration` seconds: each bin 0…1, NOT_READ, or NOTHING where the file has no sound at all. */
export class Peaks {
	constructor(duration) {
		this.duration = duration;
		this.bins = new Float32Array(Math.max(1, Math.min(BINS, Math.ceil(duration / LEAST_BIN_S)))).fill(NOT_READ);
	}

	bin(seconds) {
		return Math.min(this.bins.length - 1, Math.max(0, Math.floor((seconds / this.duration) * this.bins.length)));
	}

	/* Samples of one channel from `seconds` on. */
	add(seconds, samples, rate) {
		const step = Math.max(1, Math.floor(rate / 200)); // a peak in 5 ms is as good as each sample's
		for (let from = 0; from < samples.length; from += step) {
			let most = 0;
			for (let i = from; i < Math.min(from + step, samples.length); i++) most = Math.max(most, Math.abs(samples[i]));
			const bin = this.bin(seconds + from / rate);
			this.bins[bin] = Math.max(this.bins[bin], Math.min(1, most));
		}
	}

	/* The first place from `seconds` on that was not read; -1 when all is known. */
	unknown(seconds) {
		for (let i = this.bin(seconds); i < this.bins.length; i++) if (this.bins[i] === NOT_READ) return this.#time(i);
		return -1;
	}

	#time(bin) {
		return (bin / this.bins.length) * this.duration;
	}

	/* This much was read: what is unknown between has nothing. */
	read(from, to) {
		for (let i = this.bin(from); i <= this.bin(to); i++) if (this.bins[i] === NOT_READ) this.bins[i] = NOTHING;
	}

	/* Parts of the file without any sound, long enough not to be its edge: passages that were erased. */
	holes() {
		const found = [];
		for (let i = 0, from = -1; i <= this.bins.length; i++) {
			if (this.bins[i] === NOTHING) from = from < 0 ? i : from;
			else if (from >= 0) {
				if (this.#time(i) - this.#time(from) >= HOLE_S) found.push({ from: this.#time(from), to: this.#time(i) });
				from = -1;
			}
		}
		return found;
	}

	/* The loudest of each of `count` equal parts, for as many bars. */
	bars(count) {
		const out = new Float32Array(count).fill(NOTHING);
		for (let i = 0; i < this.bins.length; i++) {
			const bar = Math.min(count - 1, Math.floor((i / this.bins.length) * count));
			out[bar] = Math.max(out[bar], this.bins[i]);
		}
		if (this.bins.length < count) return out.map((_, i) => this.bins[Math.floor((i / count) * this.bins.length)]);
		return out;
	}
}

/* One track, read from front to back, or from a new place. */
class Track {
	#at = 0; /* the next byte to read */
	#heard = 0; /* s: up to here it was read in one go */
	#leapt = false;
	#reader = new SoundReader();
	#places; /* known ones, in order: [{time, at}] */

	constructor({ size, read, peaks }) {
		Object.assign(this, { size, read, peaks });
		this.#places = [{ time: 0, at: 0 }, { time: peaks.duration, at: size }];
	}

	/* Reads on where `time` is not known yet, no further than `until`; false when there is nothing to do. */
	async step(time, until, signal) {
		const wanted = this.peaks.unknown(time);
		if (wanted < 0 || wanted > until || this.size === 0) return false;
		const far = wanted < this.#heard - 1 || wanted > this.#heard + FAR_S;
		if (far && this.#reader.track) await this.#look(wanted, signal);
		if (this.#at >= this.size) this.peaks.read(wanted, this.peaks.duration);
		else await this.#hear(this.#frames(await this.#piece(signal)));
		return true;
	}

	/* The frames in a piece, which may begin anywhere after a leap. */
	#frames(bytes) {
		const from = this.#leapt ? findCluster(bytes) : 0;
		if (from < 0) return [];
		this.#leapt = false;
		return this.#reader.push(bytes.subarray(from));
	}

	async #piece(signal) {
		const bytes = new Uint8Array(await this.read(this.#at, Math.min(this.#at + PIECE, this.size), signal));
		if (bytes.length === 0) throw new Error('the track is shorter than it said');
		this.#at += bytes.length;
		return bytes;
	}

	/* The known places around this time, the one before first. */
	#around(seconds) {
		const after = this.#places.findIndex(({ time }) => time > seconds);
		return after < 0 ? this.#places.slice(-2) : [this.#places[after - 1], this.#places[after]];
	}

	#know(time, at) {
		if (this.#places.some((place) => Math.abs(place.time - time) < 0.5)) return;
		this.#places.push({ time, at });
		this.#places.sort((a, b) => a.time - b.time);
	}

	/* Bytes are not even over time: guesses between known places come nearer; the place before is always good. */
	async #look(wanted, signal) {
		for (let i = 0; i < TRIES; i++) {
			const [before, after] = this.#around(wanted);
			const share = Math.max(0, wanted - BACK_S - before.time) / Math.max(1, after.time - before.time);
			const guess = this.#at = Math.floor(before.at + (after.at - before.at) * share);
			this.#leap();
			const frames = this.#frames(await this.#piece(signal));
			if (frames.length === 0) continue;
			this.#know(frames[0].time / 1000, guess);
			if (frames[0].time / 1000 > wanted) continue;
			this.#heard = frames[0].time / 1000;
			return this.#hear(frames);
		}
		const [before] = this.#around(wanted);
		this.#at = before.at;
		this.#heard = before.time;
		this.#leap();
	}

	#leap() {
		this.#leapt = true;
		this.#reader = new SoundReader(this.#reader.track);
	}

	async #hear(frames) {
		if (frames.length === 0) return;
		const end = frames.at(-1).time / 1000;
		await decode(frames, this.#reader.track.channels, (seconds, samples, rate) => this.peaks.add(seconds, samples, rate));
		this.peaks.read(this.#heard, end);
		this.#heard = end;
		this.#know(end, this.#at);
	}
}

async function decode(frames, channels, heard) {
	let failed = null;
	const output = (audio) => {
		const samples = new Float32Array(audio.numberOfFrames);
		audio.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
		heard(audio.timestamp / 1e6, samples, audio.sampleRate);
		audio.close();
	};
	const decoder = new AudioDecoder({ output, error: (failure) => (failed = failure) });
	decoder.configure({ codec: 'opus', sampleRate: 48000, numberOfChannels: channels });
	for (const { time, data } of frames) decoder.decode(new EncodedAudioChunk({ type: 'key', timestamp: Math.max(0, time) * 1000, data }));
	await decoder.flush().catch((failure) => (failed ??= failure));
	if (decoder.state !== 'closed') decoder.close();
	if (failed) throw failed;
}

/*
 * `tracks`: {role: {size, read(from, to, signal)}}. `where` answers the place that is watched, s. `changed` is called when
 * there is more to draw. Ends by itself when all is known; what cannot be read or decoded leaves the line as it is.
 */
export class Sound {
	peaks;
	#stop = new AbortController();

	constructor({ duration, tracks, where, changed }) {
		this.peaks = Object.fromEntries(Object.keys(tracks).map((role) => [role, new Peaks(duration)]));
		const each = Object.entries(tracks).map(([role, track]) => new Track({ ...track, peaks: this.peaks[role] }));
		const total = each.reduce((sum, { size }) => sum + size, 0);
		this.#run({ each, whole: total <= WHOLE, where, changed }).catch(() => {});
	}

	async #run({ each, whole, where, changed }) {
		if (!globalThis.AudioDecoder) return;
		const { signal } = this.#stop;
		while (!signal.aborted) {
			const from = whole ? 0 : where(), until = whole ? Infinity : from + AHEAD_S;
			let worked = false;
			for (const track of each) worked = (await track.step(from, until, signal)) || worked;
			if (worked) changed();
			else if (whole) return;
			else await new Promise((done) => setTimeout(done, 1000));
		}
	}

	close() {
		this.#stop.abort();
	}
}
