/* Two short notes when recording starts (rising) and stops (falling). Made by the browser: no file. */
let context = null;

/* From a click, since browsers keep silent until then. */
export function allowSounds() {
	context ??= new AudioContext();
	context.resume().catch(() => {});
}

function note(frequency, at) {
	const oscillator = context.createOscillator();
	const gain = context.createGain();
	oscillator.frequency.value = frequency;
	gain.gain.setValueAtTime(0, at);
	gain.gain.linearRampToValueAtTime(0.12, at + 0.02);
	gain.gain.exponentialRampToValueAtTime(0.0001, at + 0.28);
	oscillator.connect(gain).connect(context.destination);
	oscillator.start(at);
	oscillator.stop(at + 0.3);
}

export function chime(rising) {
	if (context?.state !== 'running') return;
	const [first, second] = rising ? [523.25, 783.99] : [783.99, 523.25];
	note(first, context.currentTime + 0.01);
	note(second, context.currentTime + 0.16);
}
