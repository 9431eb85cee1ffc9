/* The bar under the pictures: microphone, camera, screen, view, devices, one's choice, leave. */
import { el } from '../ui/dom.js';
import { drawn } from '../ui/icons.js';
import { deviceSettings } from './device_settings.js';
import { roundButton, toggle } from './toggle.js';

/* Screen sharing: asks the browser for a screen; ends when the person ends it there. */
function screenToggle(media, state, stage) {
	let track = null;
	const set = async (on) => {
		if (on) {
			const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } }, audio: false });
			[track] = stream.getVideoTracks();
			track.contentHint = 'detail';
			track.addEventListener('ended', () => set(false).then(() => one.show(false)));
		} else {
			track?.stop();
			track = null;
		}
		await media.send(2, track);
		stage.shares(Boolean(track));
		state.tell({ screen: Boolean(track) });
	};
	const one = toggle('share-screen', ['screen', 'screen'], ['call.screen.start', 'call.screen.stop'], false, set);
	one.button.hidden = !navigator.mediaDevices?.getDisplayMedia;
	return { button: one.button, stop: () => track?.stop() };
}

/* The whole page, so that the state of recording stays in sight. */
function fullScreenToggle(page) {
	const full = toggle('fullscreen', ['full', 'fullOff'], ['call.full', 'call.fullOff'], false, (on) =>
		on ? page().requestFullscreen() : document.exitFullscreen());
	document.addEventListener('fullscreenchange', () => full.show(Boolean(document.fullscreenElement)));
	full.button.classList.add('wide-only');
	full.button.hidden = !document.fullscreenEnabled;
	return full.button;
}

/* The other person's picture in a small window over everything, where the browser has that. */
function pictureToggle(stage) {
	const { video } = stage;
	const picture = toggle('picture', ['picture', 'picture'], ['call.picture', 'call.pictureOff'], false, (on) =>
		on ? video.requestPictureInPicture() : document.exitPictureInPicture());
	video.addEventListener('enterpictureinpicture', () => picture.show(true));
	video.addEventListener('leavepictureinpicture', () => picture.show(false));
	picture.button.classList.add('wide-only');
	picture.button.hidden = !document.pictureInPictureEnabled;
	return picture.button;
}

function deviceToggles(devices, state, failed) {
	const isOn = (kind) => Boolean(devices.track(kind)?.enabled);
	const mic = toggle('mute', ['micOff', 'mic'], ['call.mic.on', 'call.mic.off'], isOn('audio'), (on) => devices.microphone(on), failed);
	const camera = toggle('camera', ['cameraOff', 'camera'], ['call.camera.on', 'call.camera.off'], isOn('video'), (on) => devices.camera(on), failed);
	// Devices may come late (a permission given during the call) and go by themselves.
	const follow = () => {
		mic.show(isOn('audio'));
		camera.show(isOn('video'));
		state.tell({ mic: isOn('audio'), camera: isOn('video') });
	};
	devices.addEventListener('track', follow);
	follow();
	return [mic.button, camera.button];
}

/* `problem`: a line for what fails; `page`: the element that fills the screen. */
export function controls({ devices, media, state, stage, problem, page, togglePanel, leave }) {
	const failed = (failure) => problem.show(failure);
	const screen = screenToggle(media, state, stage);
	const settings = deviceSettings(devices);
	const consent = el('button', { type: 'button', class: 'choice-button', label: 'call.consent', test: 'open-consent', on: { click: togglePanel } },
		drawn('consent'), el('span', { t: 'call.choice' }));
	const node = el('div', { class: 'controls', role: 'group', label: 'call.controls' },
		...deviceToggles(devices, state, failed), screen.button, pictureToggle(stage), fullScreenToggle(page),
		roundButton('settings', 'settings', 'call.settings', async () => settings.open()),
		roundButton('leave', 'leave', 'call.leave', leave, 'danger'));
	return { node, consent, stop: screen.stop };
}
