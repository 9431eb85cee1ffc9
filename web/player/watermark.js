/*
 * The viewer's name over the picture. It wanders, so that it can neither be cropped away nor hide one place for long;
 * where motion is not wanted it jumps, which the style sees to.
 */
import { plain } from '../ui/dom.js';

const EVERY_MS = 12_000;
const PLACES = 9;

/* {nodes, close}: one mark for each picture, never two in the same place of theirs at once. */
export function watermarks(text, count) {
	const nodes = Array.from({ length: count }, () => plain('span', text ?? '', { class: 'watermark', 'aria-hidden': 'true', test: 'watermark' }));
	let step = Math.floor(Math.random() * PLACES);
	const move = () => {
		/* 4 and 9 have no common part: each place comes once in nine, far from the one before. */
		step = (step + 4) % PLACES;
		nodes.forEach((node, i) => (node.dataset.place = String((step + i * 2) % PLACES)));
	};
	move();
	const timer = setInterval(move, EVERY_MS);
	return { nodes, close: () => clearInterval(timer) };
}
