/* Failures in words: a sentence for the errors people meet, a general one with the server's advice for the rest. */
import { tOr } from '../i18n/i18n.js';
import { el, say } from './dom.js';

export function problemKey(failure) {
	return tOr(`error.${failure?.name}`, 'error.other');
}

/* A paragraph that announces itself; empty until told. */
export function problemLine(test = 'problem') {
	const line = el('p', { class: 'problem', role: 'alert', test, hidden: true });
	return {
		node: line,
		show(failure) {
			say(line, problemKey(failure));
			line.dataset.error = failure?.name ?? 'other';
			line.hidden = false;
		},
		clear() {
			line.hidden = true;
			line.textContent = '';
			delete line.dataset.t;
		},
	};
}
