/*
 * Before the call: see and hear oneself, choose devices, see whether the other is there, read the limits of
 * confidentiality, join. Nothing is sent yet, and joining agrees to nothing.
 */
import { action, el, plain, replace, say } from '../ui/dom.js';
import { drawn } from '../ui/icons.js';
import { initials } from '../ui/person.js';
import { choosers, deviceTrouble, levelMeter } from './device_choice.js';
import { toggle } from './toggle.js';

const LIMITS = [['limits.secret', 'lock'], ['limits.danger', 'alert'], ['limits.law', 'law'], ['limits.sponsor', 'people'], ['limits.record', 'consent']];
const LIMITS_COACH = { 'limits.secret': 'limits.secret.coach', 'limits.danger': 'limits.danger.coach' };
const LOOK_MS = 3000;

/* Microphone and camera over the preview; what is chosen here holds in the call. */
function switches(devices) {
	const isOn = (kind) => Boolean(devices.track(kind)?.enabled);
	const mic = toggle('lobby-mute', ['micOff', 'mic'], ['call.mic.on', 'call.mic.off'], false, (on) => devices.microphone(on));
	const camera = toggle('lobby-camera', ['cameraOff', 'camera'], ['call.camera.on', 'call.camera.off'], false, (on) => devices.camera(on));
	const follow = () => {
		mic.show(isOn('audio'));
		camera.show(isOn('video'));
	};
	devices.addEventListener('track', follow);
	follow();
	return [mic.button, camera.button];
}

function preview(devices, party, meter) {
	const video = el('video', { autoplay: true, muted: true, playsinline: true, label: 'call.self', test: 'preview-video' });
	video.muted = true;
	const words = el('p', { t: 'lobby.asking' });
	const empty = el('div', { class: 'preview-empty' }, initials(party.name), words);
	let asked = false;
	const show = () => {
		const track = devices.track('video');
		video.srcObject = track ? new MediaStream([track]) : null;
		video.hidden = !track;
		empty.hidden = Boolean(track);
		say(words, !asked ? 'lobby.asking' : devices.missing.video ? 'lobby.noPicture' : 'lobby.cameraOff');
	};
	devices.addEventListener('track', show);
	devices.addEventListener('missing', () => {
		asked = true;
		show();
	});
	show();
	const name = party.name ? plain('span', party.name, { class: 'name' }) : null;
	return el('div', { class: 'preview' }, video, empty,
		el('div', { class: 'preview-bar' }, name, el('div', { class: 'preview-acts' }, ...switches(devices)), meter));
}

/* Whether the other person is in the call already; asked again while one waits. */
function company(session) {
	const words = el('span', {});
	const node = el('p', { class: 'company', role: 'status', test: 'company' }, el('span', { class: 'dot', 'aria-hidden': 'true' }), words);
	const show = () => {
		const { name, connected } = session.party.peer ?? {};
		node.dataset.here = String(Boolean(connected));
		const key = connected ? 'lobby.here' : 'lobby.notYet';
		if (words.dataset.t !== (name ? `${key}.name` : key)) say(words, name ? `${key}.name` : key, name ? { name } : undefined);
	};
	session.addEventListener('change', show);
	show();
	return node;
}

function introduction(session) {
	const { party } = session;
	const peer = party.peer?.name;
	const greeting = party.name ? el('h1', { t: ['lobby.hello', { name: party.name }] }) : el('h1', { t: 'lobby.title' });
	return el('div', { class: 'lobby-hello' }, greeting,
		el('p', { class: 'lead', t: peer ? [`lobby.with.${party.role}`, { name: peer }] : `lobby.role.${party.role}` }), company(session));
}

function limits(role) {
	const words = (key) => (role === 'coach' && LIMITS_COACH[key]) || key;
	return el('section', { class: 'limits' }, el('h2', { t: 'limits.title' }),
		el('ul', {}, ...LIMITS.map(([key, name]) => el('li', {}, drawn(name), el('span', { t: words(key) })))));
}

/* The button says what one joins with. */
function joinButton(devices) {
	const button = el('button', { type: 'button', class: 'button primary large', t: 'lobby.join', test: 'join-start' });
	const show = () => {
		const { audio, video } = devices.missing;
		say(button, audio && video ? 'lobby.joinListening' : video ? 'lobby.joinVoice' : 'lobby.join');
	};
	for (const event of ['missing', 'track']) devices.addEventListener(event, show);
	return button;
}

/* Shows the lobby in `root`; resolves when the person joins, or when the session ended meanwhile. */
export async function lobby(root, { session, devices, language }) {
	const meter = levelMeter(devices);
	const gone = new AbortController();
	const { signal } = gone;
	const join = joinButton(devices);
	replace(root, el('header', { class: 'top' }, el('span', { class: 'brand', t: 'brand' }), language),
		el('main', { class: 'lobby' }, introduction(session),
			el('div', { class: 'lobby-devices' }, preview(devices, session.party, meter.node), deviceTrouble(devices, signal),
				el('div', { class: 'device-fields' }, ...choosers(devices, signal))),
			limits(session.party.role), el('div', { class: 'lobby-join' }, el('p', { class: 'promise', t: 'lobby.promise' }), join)));
	/* What is plugged in is tried at once, here where nothing is sent; in the call only a person does that. */
	devices.addEventListener('devices', () => Object.values(devices.missing).includes('absent') && devices.start(), { signal });
	devices.start();
	await new Promise((resolve) => {
		action(join, async () => resolve());
		session.addEventListener('change', () => session.ended && resolve());
		const look = setInterval(() => (join.isConnected ? session.refresh().catch(() => {}) : clearInterval(look)), LOOK_MS);
	});
	gone.abort();
	meter.stop();
}
