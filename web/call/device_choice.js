/* Choosing camera, microphone and loudspeaker, hearing whether one is heard, and what to do when a device cannot be had. */
import { t } from '../i18n/i18n.js';
import { action, el, replace, say } from '../ui/dom.js';
import { drawn } from '../ui/icons.js';
import { watchLevel } from './devices.js';

const FIELDS = { video: ['lobby.camera', 'camera'], audio: ['lobby.microphone', 'mic'], sink: ['lobby.speaker', 'speaker'] };
const canChooseSink = 'setSinkId' in HTMLMediaElement.prototype;

function chooser(devices, kind, test, signal) {
	const [label, icon] = FIELDS[kind];
	const select = el('select', { label, hint: label, test });
	const node = el('div', { class: 'device-field' }, drawn(icon), select);
	const fill = async () => {
		const all = await devices.list(kind);
		const current = devices.chosen(kind);
		replace(select, ...all.map((device, i) => {
			const option = el('option', { value: device.deviceId, selected: device.deviceId === current });
			option.textContent = device.label || t('lobby.device', { number: i + 1 });
			return option;
		}));
		if (!all.length) replace(select, el('option', { t: 'lobby.noneFound' }));
		select.disabled = all.length === 0;
		node.hidden = kind === 'sink' && all.length === 0;
	};
	select.addEventListener('change', () => devices.choose(kind, select.value).catch(() => {}).then(fill));
	for (const event of ['track', 'devices', 'missing']) devices.addEventListener(event, fill, { signal });
	fill();
	return node;
}

/* `place` tells the choosers of the lobby from those of the call; `signal` ends their following. */
export function choosers(devices, signal, place = 'choose') {
	const kinds = canChooseSink ? ['video', 'audio', 'sink'] : ['video', 'audio'];
	return kinds.map((kind) => chooser(devices, kind, `${place}-${kind}`, signal));
}

export function levelMeter(devices) {
	const node = el('div', { class: 'level', role: 'img', label: 'lobby.level' }, el('span', { class: 'level-bar' }));
	let stop = null;
	let followed = null;
	const follow = () => {
		const track = devices.track('audio');
		if (track === followed) return;
		stop?.();
		stop = null;
		followed = track;
		node.style.setProperty('--level', '0');
		if (track) stop = watchLevel(devices.stream, (level) => node.style.setProperty('--level', level.toFixed(3)));
	};
	devices.addEventListener('track', follow);
	follow();
	return {
		node,
		stop: () => {
			devices.removeEventListener('track', follow);
			stop?.();
		},
	};
}

/* What is missing, as one subject where the reason is the same for both: [['both', 'denied']]. */
export function troubles({ audio, video }) {
	if (audio && audio === video) return [['both', audio]];
	return [['video', video], ['audio', audio]].filter(([, reason]) => reason);
}

/* What one can still do without it. */
function remains({ audio, video }) {
	if (audio && video) return 'trouble.still.listen';
	return audio ? 'trouble.still.seen' : 'trouble.still.voice';
}

/*
 * Says what is wrong, how to mend it, and that one may come in all the same; empty while nothing is missing. Follows until
 * `signal`. It asks for a device only when told to: in a call that one is plugged in must send nobody's picture or voice.
 */
export function deviceTrouble(devices, signal) {
	const words = el('div', { class: 'trouble-words' });
	const again = action(el('button', { type: 'button', class: 'button', t: 'retry', test: 'device-again' }), () => devices.start());
	const node = el('section', { class: 'trouble', role: 'alert', test: 'device-problem', hidden: true }, drawn('alert'), words, again);
	const show = () => {
		const all = troubles(devices.missing);
		node.hidden = all.length === 0;
		if (node.hidden) return;
		node.dataset.reason = all.map((one) => one.join('-')).join(' ');
		replace(words, ...all.flatMap(([what, reason]) => [el('strong', { t: `trouble.${what}.${reason}` }), el('p', { t: `trouble.how.${reason}` })]),
			say(el('p', { class: 'hint' }), remains(devices.missing)));
	};
	for (const event of ['missing', 'track']) devices.addEventListener(event, show, { signal });
	show();
	return node;
}
