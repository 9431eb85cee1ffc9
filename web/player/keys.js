/* Keyboard of the player: space or k, arrows and j/l, Home and End, < and > for speed. */
const MOVES = { ArrowLeft: -5, ArrowRight: 5, j: -10, l: 10 };

export function onKeys(node, player) {
	node.addEventListener('keydown', (event) => {
		if (event.ctrlKey || event.metaKey || event.altKey || ['SELECT', 'TEXTAREA'].includes(event.target.tagName)) return;
		const onButton = event.target.tagName === 'BUTTON' && event.key === ' ';
		if (event.key in MOVES) player.seek(player.time + MOVES[event.key]);
		else if (event.key === 'k' || (event.key === ' ' && !onButton)) player.toggle();
		else if (event.key === 'Home') player.seek(0);
		else if (event.key === 'End') player.seek(player.duration);
		else if (event.key === '<') player.faster(-1);
		else if (event.key === '>') player.faster(1);
		else return;
		event.preventDefault();
	});
}
