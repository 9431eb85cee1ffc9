/* Round buttons: one with two states, and one that acts. Their words stand beside them on hover and focus (parts.css). */
import { action, el, replace, sayAttribute } from '../ui/dom.js';
import { drawn } from '../ui/icons.js';

/* `icons` and `labels` are [off, on]; `set(on)` does it and may fail, which leaves it as it was and tells `failed`. */
export function toggle(test, icons, labels, on, set, failed = () => {}) {
	const button = el('button', { type: 'button', class: 'control tipped', test });
	const show = (now) => {
		on = now;
		button.setAttribute('aria-pressed', String(on));
		sayAttribute(button, 'aria-label', labels[on ? 1 : 0]);
		replace(button, drawn(icons[on ? 1 : 0]));
	};
	action(button, async () => {
		const wanted = !on;
		await set(wanted).then(() => show(wanted), failed);
	});
	show(on);
	return { button, show };
}

export function roundButton(test, name, label, run, extra = '') {
	return action(el('button', { type: 'button', class: `control tipped ${extra}`, test, label }, drawn(name)), run);
}
