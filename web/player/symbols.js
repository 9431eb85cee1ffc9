/* The player's own signs, as stroke paths on a 24 by 24 grid. */
import { icon } from '../ui/dom.js';

const PATHS = {
	sound: ['M4 10v4h3.5L12 18V6l-4.5 4z', 'M15.5 9a4.2 4.2 0 0 1 0 6', 'M18 6.5a7.8 7.8 0 0 1 0 11'],
	soundOff: ['M4 10v4h3.5L12 18V6l-4.5 4z', 'M16 9.5l5 5', 'M21 9.5l-5 5'],
	back: ['M11 6L5 12l6 6', 'M19 6l-6 6 6 6'],
	ahead: ['M13 6l6 6-6 6', 'M5 6l6 6-6 6'],
	keys: ['M4 7h16a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1z', 'M7 10.5h.01', 'M11 10.5h.01', 'M15 10.5h.01', 'M8.5 14h7'],
	small: ['M9 4v5H4', 'M15 4v5h5', 'M9 20v-5H4', 'M15 20v-5h5'],
};

export const sign = (name) => icon(...PATHS[name]);
