/* A person without a picture: the initials of their name, else an outline. */
import { el, plain } from './dom.js';
import { drawn } from './icons.js';

export function initialsOf(name) {
	const words = String(name ?? '').trim().split(/[\s'’-]+/u).filter((word) => /^\p{L}/u.test(word));
	const shown = words.length > 1 ? [words[0], words.at(-1)] : words;
	return shown.map((word) => [...word][0].toLocaleUpperCase()).join('');
}

export function initials(name) {
	const letters = initialsOf(name);
	return letters ? plain('span', letters, { class: 'avatar', 'aria-hidden': 'true' }) : el('span', { class: 'avatar', 'aria-hidden': 'true' }, drawn('person'));
}
