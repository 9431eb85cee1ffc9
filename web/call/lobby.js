/*
 * Before the call: see and hear oneself, choose camera and microphone, read the limits of confidentiality, join.
 * Nothing is sent yet, and joining agrees to nothing.
 */
import { t } from '../i18n/i18n.js';
import { action, el, replace, say } from '../ui/dom.js';
import { watchLevel } from './devices.js';

const LIMITS = ['limits.secret', 'limits.danger', 'limits.law', 'limits.sponsor', 'limits.record'];

function chooser(devices, kind) {
	const select = el('select', { id: `choose-${kind}`, test: `choose-${kind}` });
	const fill = async () => {
		const all = await devices.list(kind);
		const current = devices.track(kind)?.getSettings().deviceId;
		replace(select, ...all.map((device, i) => {
			const option = el('option', { value: device.deviceId, selected: device.deviceId === current });
			option.textContent = device.label || t('lobby.device', { number: i + 1 });
			return option;
		}));
		select.disabled = all.length === 0;
	};
	select.addEventListener('change', () => devices.choose(kind, select.value).catch(() => {}).then(fill));
	devices.addEventListener('track', fill);
	const label = kind === 'audio' ? 'lobby.microphone' : 'lobby.camera';
	return { fill, node: el('div', { class: 'field' }, el('label', { for: `choose-${kind}`, t: label }), select) };
}

function levelMeter(devices) {
	const bar = el('div', { class: 'level', role: 'img', label: 'lobby.level' }, el('span', { class: 'level-bar' }));
	let stop = null;
	const follow = () => {
		stop?.();
		stop = null;
		if (!devices.track('audio')) return bar.style.setProperty('--level', '0');
		stop = watchLevel(devices.stream, (level) => bar.style.setProperty('--level', level.toFixed(3)));
	};
	devices.addEventListener('track', ({ detail }) => detail.kind === 'audio' && follow());
	return { node: bar, stop: () => stop?.(), follow };
}

function preview(devices) {
	const video = el('video', { autoplay: true, muted: true, playsinline: true, label: 'call.self', test: 'preview-video' });
	video.muted = true;
	const empty = el('p', { class: 'preview-empty', t: 'lobby.asking' });
	const show = () => {
		const track = devices.track('video');
		video.srcObject = track ? new MediaStream([track]) : null;
		video.hidden = !track;
		empty.hidden = Boolean(track);
	};
	devices.addEventListener('track', show);
	return { node: el('div', { class: 'preview' }, video, empty), empty, show };
}

function introduction(party) {
	const peer = party.peer?.name;
	const greeting = party.name ? el('h1', { t: ['lobby.hello', { name: party.name }] }) : el('h1', { t: 'lobby.title' });
	return [
		greeting,
		el('p', { class: 'lead', t: peer ? [`lobby.with.${party.role}`, { name: peer }] : `lobby.role.${party.role}` }),
		el('section', { class: 'limits' }, el('h2', { t: 'limits.title' }),
			el('ul', {}, ...LIMITS.map((key) => el('li', { t: key })))),
	];
}

/* Shows the lobby in `root`; resolves when the person joins. */
export async function lobby(root, { party, devices, language, test }) {
	const [camera, microphone, meter, picture] = [chooser(devices, 'video'), chooser(devices, 'audio'), levelMeter(devices), preview(devices)];
	const trouble = el('p', { class: 'problem', role: 'alert', hidden: true, test: 'device-problem' });
	const join = el('button', { type: 'button', class: 'button primary large', t: 'lobby.join', test: test ?? 'join-start' });
	const main = el('main', { class: 'lobby' },
		el('div', { class: 'lobby-devices' }, picture.node, camera.node, microphone.node, meter.node, trouble),
		el('div', { class: 'lobby-words' }, ...introduction(party), el('p', { class: 'promise', t: 'lobby.promise' }), join));
	replace(root, el('header', { class: 'top' }, el('span', { class: 'brand', t: 'brand' }), language), main);
	const joined = new Promise((resolve) => action(join, async () => resolve()));
	devices.start().then(async (missing) => {
		picture.show();
		if (missing.length) {
			trouble.hidden = false;
			say(trouble, missing.length === 2 ? 'lobby.noDevices' : `lobby.no.${missing[0]}`);
			if (missing.includes('video')) say(picture.empty, 'lobby.noPicture');
		}
		await Promise.all([camera.fill(), microphone.fill()]);
	});
	await joined;
	meter.stop();
}
