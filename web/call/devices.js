/*
 * Camera, microphone and loudspeaker: asking, choosing, switching off for good, why one cannot be had, and how loud the
 * microphone is. What the person switched off stays off over a reload, and what they chose over visits.
 *
 * Events: "track" (detail {kind, track}), "missing" (why a device cannot be had changed), "devices" (one came or went),
 * "sink" (another loudspeaker was chosen).
 */
const VIDEO = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } };
const AUDIO = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const KINDS = ['audio', 'video'];
const OFF = 'aparte/off';
/* What browsers answer, in three kinds that a person can do something about. */
const REASONS = { NotFoundError: 'absent', OverconstrainedError: 'absent', NotReadableError: 'busy', AbortError: 'busy' };

export class Devices extends EventTarget {
	stream = new MediaStream();
	/* kind -> denied, absent or busy */
	missing = {};
	#chosen = { audio: localStorage.getItem('aparte/audio'), video: localStorage.getItem('aparte/video'), sink: localStorage.getItem('aparte/sink') };
	#off = new Set(JSON.parse(sessionStorage.getItem(OFF) ?? '[]'));

	constructor() {
		super();
		navigator.mediaDevices?.addEventListener('devicechange', () => this.#tell('devices'));
	}

	#tell(name, detail) {
		this.dispatchEvent(new CustomEvent(name, { detail }));
	}

	track(kind) {
		return this.stream.getTracks().find((track) => track.kind === kind && track.readyState === 'live') ?? null;
	}

	/* Both if it can be, else what there is; `missing` says what could not be had. */
	async start() {
		const wanted = KINDS.filter((kind) => kind === 'audio' || !this.#off.has(kind));
		const both = wanted.length === 2 && (await this.#ask({ audio: true, video: true }).then(() => true, () => false));
		for (const kind of both ? [] : wanted) await this.#want(kind).catch(() => {});
		this.#tell('missing');
	}

	/* One device, once more; fails with its reason. */
	async #want(kind) {
		try {
			await this.#ask({ [kind]: true });
		} catch (failure) {
			this.missing = { ...this.missing, [kind]: REASONS[failure.name] ?? 'denied' };
			this.#tell('missing');
			throw Object.assign(new Error(kind), { name: `device-${kind}-${this.missing[kind]}` });
		}
	}

	async #ask({ audio, video }) {
		const exact = (kind) => (this.#chosen[kind] ? { deviceId: { ideal: this.#chosen[kind] } } : {});
		const got = await navigator.mediaDevices.getUserMedia({
			audio: audio ? { ...AUDIO, ...exact('audio') } : false,
			video: video ? { ...VIDEO, ...exact('video') } : false,
		});
		for (const track of got.getTracks()) this.#put(track);
	}

	/* A microphone that was muted stays so, whichever it is. */
	#put(track) {
		const { kind } = track;
		this.drop(kind, false);
		if (kind === 'audio') track.enabled = !this.#off.has('audio');
		this.stream.addTrack(track);
		delete this.missing[kind];
		track.addEventListener('ended', () => this.track(kind) ?? this.drop(kind));
		this.#tell('track', { kind, track });
	}

	/* Stops a device altogether, so that its light goes off. */
	drop(kind, tell = true) {
		for (const track of this.stream.getTracks().filter((one) => one.kind === kind)) {
			track.stop();
			this.stream.removeTrack(track);
		}
		if (tell) this.#tell('track', { kind, track: null });
	}

	#remember(kind, on) {
		if (on) this.#off.delete(kind);
		else this.#off.add(kind);
		sessionStorage.setItem(OFF, JSON.stringify([...this.#off]));
	}

	async choose(kind, deviceId) {
		this.#chosen[kind] = deviceId;
		localStorage.setItem(`aparte/${kind}`, deviceId);
		if (kind === 'sink') this.#tell('sink');
		else if (!this.#off.has(kind) || kind === 'audio') await this.#want(kind);
	}

	chosen(kind) {
		return this.track(kind)?.getSettings().deviceId ?? this.#chosen[kind];
	}

	/* Where the other person's voice comes out, in browsers that let one choose. */
	async playThrough(audio) {
		if (this.#chosen.sink && audio.setSinkId) await audio.setSinkId(this.#chosen.sink).catch(() => {});
	}

	async camera(on) {
		if (!on) this.drop('video');
		else if (!this.track('video')) await this.#want('video');
		this.#remember('video', on);
	}

	async microphone(on) {
		if (on && !this.track('audio')) {
			this.#off.delete('audio');
			await this.#want('audio');
		}
		const track = this.track('audio');
		if (track) track.enabled = on;
		this.#remember('audio', on);
		this.#tell('track', { kind: 'audio', track });
	}

	/* kind: audio, video or sink */
	async list(kind) {
		const wanted = { audio: 'audioinput', video: 'videoinput', sink: 'audiooutput' }[kind];
		const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
		return all.filter((device) => device.kind === wanted && device.deviceId);
	}

	stop() {
		for (const track of this.stream.getTracks()) track.stop();
	}
}

/* Calls `show(level)` with 0…1 about ten times a second until stopped; answers the stopping function. */
export function watchLevel(stream, show) {
	const context = new AudioContext();
	const analyser = context.createAnalyser();
	analyser.fftSize = 512;
	context.createMediaStreamSource(stream).connect(analyser);
	const samples = new Float32Array(analyser.fftSize);
	const timer = setInterval(() => {
		analyser.getFloatTimeDomainData(samples);
		const rms = Math.sqrt(samples.reduce((sum, s) => sum + s * s, 0) / samples.length);
		show(Math.min(1, Math.max(0, 1 + Math.log10(rms + 1e-6) / 2.2)));
	}, 100);
	return () => {
		clearInterval(timer);
		context.close();
	};
}
