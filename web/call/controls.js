/* The bar under the pictures: microphone, camera, screen, full screen, consent, leave. */
import { action, el, replace, sayAttribute } from '../ui/dom.js';
import { drawn } from '../ui/icons.js';

/* A button with two states; `set(on)` does it and may fail, which leaves it as it was. */
function toggle(test, icons, labels, on, set) {
	const button = el('button', { type: 'button', class: 'control', test });
	const show = (now) => {
		on = now;
		button.setAttribute('aria-pressed', String(on));
		sayAttribute(button, 'aria-label', labels[on ? 1 : 0]);
		sayAttribute(button, 'title', labels[on ? 1 : 0]);
		replace(button, drawn(icons[on ? 1 : 0]));
	};
	action(button, async () => {
		const wanted = !on;
		await set(wanted).then(() => show(wanted), () => {});
	});
	show(on);
	return { button, show };
}

function plain(test, name, label, run, extra = '') {
	return action(el('button', { type: 'button', class: `control ${extra}`, test, label, hint: label }, drawn(name)), run);
}

/* Screen sharing: asks the browser for a screen; ends when the person ends it there. */
function screenToggle(media, state) {
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
		state.tell({ screen: Boolean(track) });
	};
	const one = toggle('share-screen', ['screen', 'screen'], ['call.screen.start', 'call.screen.stop'], false, set);
	if (!navigator.mediaDevices.getDisplayMedia) one.button.hidden = true;
	return { button: one.button, stop: () => track?.stop() };
}

export function controls({ devices, media, state, stage, togglePanel, leave }) {
	const has = (kind) => Boolean(devices.track(kind)?.enabled);
	const mic = toggle('mute', ['micOff', 'mic'], ['call.mic.on', 'call.mic.off'], has('audio'), async (on) => {
		await devices.microphone(on);
		state.tell({ mic: on });
	});
	const camera = toggle('camera', ['cameraOff', 'camera'], ['call.camera.on', 'call.camera.off'], has('video'), (on) => devices.camera(on));
	// Devices may come late (a permission given during the call) and go by themselves.
	const follow = () => {
		mic.show(has('audio'));
		camera.show(has('video'));
		state.tell({ mic: has('audio'), camera: has('video') });
	};
	devices.addEventListener('track', follow);
	follow();
	const screen = screenToggle(media, state);
	const full = plain('fullscreen', 'full', 'call.full', async () => {
		if (document.fullscreenElement) await document.exitFullscreen();
		else await stage.node.parentElement.requestFullscreen();
	}, 'wide-only');
	const consent = plain('open-consent', 'consent', 'call.consent', async () => togglePanel());
	const quit = plain('leave', 'leave', 'call.leave', leave, 'danger');
	const node = el('div', { class: 'controls', role: 'toolbar', label: 'call.controls' },
		mic.button, camera.button, screen.button, full, consent, quit);
	return { node, stop: screen.stop };
}
