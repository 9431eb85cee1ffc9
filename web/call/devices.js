/* Camera and microphone: asking, choosing, switching off for good, and how loud the microphone is. */
const VIDEO = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } };
const AUDIO = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

export class Devices extends EventTarget {
	stream = new MediaStream();
	#chosen = { audio: localStorage.getItem('aparte/audio'), video: localStorage.getItem('aparte/video') };

	track(kind) {
		return this.stream.getTracks().find((track) => track.kind === kind && track.readyState === 'live') ?? null;
	}

	/* Both if it can be, else what there is. Answers the kinds that could not be had. */
	async start() {
		const both = await this.#ask({ audio: true, video: true }).then(() => true, () => false);
		if (both) return [];
		const missing = [];
		for (const kind of ['audio', 'video']) await this.#ask({ [kind]: true }).catch(() => missing.push(kind));
		return missing;
	}

	async #ask({ audio, video }) {
		const exact = (kind) => (this.#chosen[kind] ? { deviceId: { ideal: this.#chosen[kind] } } : {});
		const got = await navigator.mediaDevices.getUserMedia({
			audio: audio ? { ...AUDIO, ...exact('audio') } : false,
			video: video ? { ...VIDEO, ...exact('video') } : false,
		});
		for (const track of got.getTracks()) this.#put(track);
	}

	#put(track) {
		this.drop(track.kind, false);
		this.stream.addTrack(track);
		track.addEventListener('ended', () => this.track(track.kind) ?? this.drop(track.kind));
		this.dispatchEvent(new CustomEvent('track', { detail: { kind: track.kind, track } }));
	}

	/* Stops a device altogether, so that its light goes off. */
	drop(kind, tell = true) {
		for (const track of this.stream.getTracks().filter((one) => one.kind === kind)) {
			track.stop();
			this.stream.removeTrack(track);
		}
		if (tell) this.dispatchEvent(new CustomEvent('track', { detail: { kind, track: null } }));
	}

	async choose(kind, deviceId) {
		this.#chosen[kind] = deviceId;
		localStorage.setItem(`aparte/${kind}`, deviceId);
		await this.#ask({ [kind]: true });
	}

	async camera(on) {
		if (!on) this.drop('video');
		else if (!this.track('video')) await this.#ask({ video: true });
	}

	async microphone(on) {
		if (on && !this.track('audio')) await this.#ask({ audio: true });
		const track = this.track('audio');
		if (track) track.enabled = on;
	}

	async list(kind) {
		const wanted = kind === 'audio' ? 'audioinput' : 'videoinput';
		const all = await navigator.mediaDevices.enumerateDevices();
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
