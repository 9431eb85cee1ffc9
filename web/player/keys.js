/*
 * Keyboard of the player, and the list of it. Keys of one character act only while the player has the focus
 * (WCAG 2.1.4); fields keep theirs.
 */
import { el, plain } from '../ui/dom.js';

/* What the help shows: the keys as they are printed, and what they do. */
const SHOWN = [
	['play', ['␣', 'K']], ['step', ['←', '→']], ['leap', ['J', 'L']], ['tenths', ['0', '…', '9']], ['ends', ['↖', '↘']],
	['speed', ['<', '>']], ['passages', ['[', ']']], ['notes', [',', '.']], ['note', ['N']], ['mute', ['M']], ['full', ['F']], ['help', ['?']],
];

const ACTS = {
	' ': (player) => player.toggle(),
	k: (player) => player.toggle(),
	ArrowLeft: (player) => player.seek(player.time - 5),
	ArrowRight: (player) => player.seek(player.time + 5),
	j: (player) => player.seek(player.time - 10),
	l: (player) => player.seek(player.time + 10),
	Home: (player) => player.seek(0),
	End: (player) => player.seek(player.duration),
	'<': (player) => player.faster(-1),
	'>': (player) => player.faster(1),
	'[': (player) => player.passage(-1),
	']': (player) => player.passage(1),
	',': (player) => player.marker(-1),
	'.': (player) => player.marker(1),
	n: (player) => player.dispatchEvent(new Event('note')),
	m: (player) => player.mute(),
	f: (player) => player.full(),
	'?': (player) => help(player.node),
};

const act = (key) => (/^[0-9]$/.test(key) ? (player) => player.seek((player.duration * Number(key)) / 10)
	: ACTS[key] ?? (/^[A-Z]$/.test(key) ? ACTS[key.toLowerCase()] : undefined));

export function onKeys(node, player) {
	node.addEventListener('keydown', (event) => {
		const { tagName } = event.target;
		if (event.ctrlKey || event.metaKey || event.altKey || ['SELECT', 'TEXTAREA', 'DIALOG'].includes(tagName) || event.target.closest('dialog.keys')) return;
		if (tagName === 'BUTTON' && event.key === ' ') return; // presses the button
		const run = act(event.key);
		if (!run) return;
		run(player);
		event.preventDefault();
	});
}

/* Within the player, so that it shows in full screen as well; Escape closes it. */
export function help(inside) {
	const rows = SHOWN.flatMap(([name, keys]) => [
		el('dt', {}, ...keys.map((key) => plain(key === '…' ? 'span' : 'kbd', key))), el('dd', { t: `player.key.${name}` })]);
	const close = el('button', { type: 'button', class: 'button primary', t: 'close', test: 'keys-close' });
	const dialog = el('dialog', { class: 'keys', label: 'player.keyboard', test: 'keys' }, el('h2', { t: 'player.keyboard' }),
		el('p', { class: 'hint', t: 'player.keyboard.lead' }), el('dl', {}, ...rows), el('div', { class: 'row end' }, close));
	close.addEventListener('click', () => dialog.close());
	dialog.addEventListener('close', () => dialog.remove());
	inside.append(dialog);
	dialog.showModal();
}
