/*
 * The sound in a WebM file, read as its bytes come: EBML (RFC 8794) and Matroska (RFC 9559) as far as finding the
 * frames of one audio track needs them. Pictures are passed over by their length and never kept.
 */
const SEGMENT = 0x18538067, CLUSTER = 0x1f43b675, TIMESTAMP = 0xe7, SIMPLE_BLOCK = 0xa3, BLOCK_GROUP = 0xa0, BLOCK = 0xa1;
const TRACKS = 0x1654ae6b, TRACK_ENTRY = 0xae, TRACK_NUMBER = 0xd7, TRACK_TYPE = 0x83, AUDIO = 0xe1, CHANNELS = 0x9f;
const CODEC = 0x86;
const MASTERS = new Set([SEGMENT, CLUSTER, BLOCK_GROUP, TRACKS, TRACK_ENTRY, AUDIO]);
/* What is read whole; anything else is passed over. Frames of sound are far below the limit, pictures may be above it. */
const LEAVES = new Set([TIMESTAMP, SIMPLE_BLOCK, BLOCK, TRACK_NUMBER, TRACK_TYPE, CHANNELS, CODEC]);
const FRAME_MAX = 8192;
const AUDIO_TYPE = 2;

/* A variable-length integer at `at`: {value, next}; null when it does not end within the bytes. `marked` keeps its length mark. */
function variable(bytes, at, marked) {
	const length = at < bytes.length ? Math.clz32(bytes[at]) - 23 : 0;
	if (length < 1 || length > 8 || at + length > bytes.length) return null;
	let value = marked ? bytes[at] : bytes[at] & (0xff >> length);
	for (let i = 1; i < length; i++) value = value * 256 + bytes[at + i];
	const unknown = !marked && value >= 2 ** (7 * length) - 1;
	return { value: unknown ? Infinity : value, next: at + length };
}

function unsigned(bytes) {
	return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}

/* Where the next cluster begins in the middle of a file, or -1: its id, and the time that every cluster begins with. */
export function findCluster(bytes) {
	for (let at = 0; at + 16 < bytes.length; at++) {
		if (bytes[at] !== 0x1f || bytes[at + 1] !== 0x43 || bytes[at + 2] !== 0xb6 || bytes[at + 3] !== 0x75) continue;
		const size = variable(bytes, at + 4, false);
		if (size && bytes[size.next] === TIMESTAMP) return at;
	}
	return -1;
}

export class SoundReader {
	/* {number, channels} of the first Opus track, once its description was read. */
	track;
	#rest = new Uint8Array(0);
	#skip = 0;
	#cluster = 0;
	#entry = {};

	/* `track`: known from the file's beginning, where reading begins in its middle. */
	constructor(track) {
		this.track = track;
	}

	/* The frames that these bytes complete: [{time, data}], time in ms of the file. */
	push(bytes) {
		const frames = [];
		const passed = Math.min(this.#skip, bytes.length);
		this.#skip -= passed;
		const fresh = bytes.subarray(passed);
		const all = new Uint8Array(this.#rest.length + fresh.length);
		all.set(this.#rest);
		all.set(fresh, this.#rest.length);
		let at = 0;
		for (let next; (next = this.#element(all, at, frames)) > at; ) at = next;
		this.#skip = Math.max(0, at - all.length) || this.#skip;
		this.#rest = at >= all.length ? new Uint8Array(0) : all.slice(at);
		return frames;
	}

	/* Takes one element, or goes into it; answers where the next one begins: `at` itself when more bytes are needed. */
	#element(bytes, at, frames) {
		const id = variable(bytes, at, true), size = id && variable(bytes, id.next, false);
		if (!size) return at;
		if (MASTERS.has(id.value)) return size.next;
		const end = size.next + size.value;
		if (!LEAVES.has(id.value) || this.#foreign(id.value, bytes, size)) return end;
		if (end > bytes.length) return at;
		this.#leaf(id.value, bytes.subarray(size.next, end), frames);
		return end;
	}

	/* A picture, or a frame larger than sound ever is: no need to hold its bytes. */
	#foreign(id, bytes, size) {
		if (id !== SIMPLE_BLOCK && id !== BLOCK) return size.value > FRAME_MAX;
		if (size.value > FRAME_MAX) return true;
		return size.next < bytes.length && bytes[size.next] !== 0x80 + this.track?.number;
	}

	#leaf(id, data, frames) {
		if (id === TIMESTAMP) this.#cluster = unsigned(data);
		else if (id === TRACK_NUMBER) this.#entry = { number: unsigned(data), channels: 1 };
		else if (id === TRACK_TYPE) this.#entry.type = unsigned(data);
		else if (id === CODEC) this.#entry.codec = String.fromCharCode(...data);
		else if (id === CHANNELS) this.#entry.channels = unsigned(data);
		else this.#block(data, frames);
		if (!this.track && this.#entry.type === AUDIO_TYPE && this.#entry.codec === 'A_OPUS') this.track = this.#entry;
	}

	/* Track (one byte: ours are below 128), time from the cluster's, flags, frame. Laced ones are not sound of ours. */
	#block(data, frames) {
		if (data.length < 5 || data[0] !== 0x80 + this.track?.number || data[3] & 0x06) return;
		const relative = ((data[1] << 8) | data[2]) << 16 >> 16;
		frames.push({ time: this.#cluster + relative, data: data.slice(4) });
	}
}
