/* Another headset in the middle of a session: the choosers of the lobby, over the call. */
import { el } from '../ui/dom.js';
import { drawn } from '../ui/icons.js';
import { choosers, deviceTrouble, levelMeter } from './device_choice.js';

export function deviceSettings(devices) {
	const open = () => {
		const meter = levelMeter(devices);
		const closed = new AbortController();
		const close = el('button', { type: 'button', class: 'control small', label: 'close', test: 'settings-close' }, drawn('close'));
		const dialog = el('dialog', { class: 'devices', label: 'call.settings', test: 'settings-dialog' },
			el('header', {}, el('h2', { t: 'call.settings' }), close),
			el('div', { class: 'device-fields' }, ...choosers(devices, closed.signal, 'change')), meter.node, deviceTrouble(devices, closed.signal));
		close.addEventListener('click', () => dialog.close());
		dialog.addEventListener('close', () => {
			closed.abort();
			meter.stop();
			dialog.remove();
		});
		(document.fullscreenElement ?? document.body).append(dialog);
		dialog.showModal();
	};
	return { open };
}
