/*
 * While the connection is gone: says so over the pictures, what that means for the recording, and, when it takes long, what a
 * person can do. Where the pictures still come and only the way to the server is lost, a line says that and hides nothing.
 * The page itself goes on trying.
 */
import { el, say } from '../ui/dom.js';

const SHOW_MS = 1200;
const LONG_MS = 15000;

/* `media` and `session` as in the call; a first connection that is being made is not a lost one. */
export function lostView(media, session) {
	const title = el('strong', { t: 'lost.title' });
	const words = el('p', { t: 'lost.words' });
	const again = el('button', { type: 'button', class: 'button', t: 'lost.again', test: 'lost-again', hidden: true, on: { click: () => location.reload() } });
	const node = el('div', { class: 'lost', role: 'status', test: 'lost', hidden: true }, el('span', { class: 'spinner', 'aria-hidden': 'true' }), title, words, again);
	let timers = [];
	const clear = () => {
		timers.forEach(clearTimeout);
		timers = [];
		node.hidden = true;
		again.hidden = true;
	};
	const begin = (whole) => {
		node.dataset.kind = whole ? 'whole' : 'signal';
		say(words, whole ? 'lost.words' : 'lost.signal');
		timers = [setTimeout(() => (node.hidden = false), SHOW_MS)];
		if (whole) timers.push(setTimeout(() => {
			again.hidden = false;
			say(words, 'lost.long');
		}, LONG_MS));
	};
	const follow = () => {
		const whole = media.state === 'reconnecting';
		const signal = media.state === 'connected' && !session.online;
		if (!whole && !signal) return clear();
		if (timers.length && node.dataset.kind === (whole ? 'whole' : 'signal')) return;
		clear();
		begin(whole);
	};
	media.addEventListener('state', follow);
	session.addEventListener('change', follow);
	return { node, stop: clear };
}
