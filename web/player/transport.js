/* The row of controls below the timeline: play, leaps, time, the passage of now, speed, keys, full screen. */
import { currentLanguage, formatSeconds } from '../i18n/i18n.js';
import { el, replace, say, sayAttribute } from '../ui/dom.js';
import { drawn } from '../ui/icons.js';
import { passageAt, timeOfDay } from './epochs.js';
import { help } from './keys.js';
import { sign } from './symbols.js';

export const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];

const clock = (ms) => new Intl.DateTimeFormat(currentLanguage(), { timeStyle: 'medium' }).format(new Date(ms));

function button(test, key, drawing, run) {
	return el('button', { type: 'button', class: 'control', test, label: key, hint: key, on: { click: run } }, drawing);
}

export class Transport {
	#play;
	#time = el('span', { class: 'clock', test: 'player-time' });
	#passage = el('span', { class: 'passage', test: 'player-passage', hidden: true });
	#speed;
	#shown = {};

	constructor(player) {
		this.#play = button('player-play', 'player.play', drawn('play'), () => player.toggle());
		this.#play.classList.add('main');
		this.#speed = el('select', { label: 'player.speed', test: 'player-speed' },
			...SPEEDS.map((rate) => el('option', { value: String(rate), selected: rate === 1, t: `player.rate.${rate}` })));
		this.#speed.addEventListener('change', () => player.speed(Number(this.#speed.value)));
		this.node = el('div', { class: 'transport', role: 'group', label: 'player.controls' },
			this.#play, button('player-back', 'player.back', sign('back'), () => player.seek(player.time - 10)),
			button('player-ahead', 'player.ahead', sign('ahead'), () => player.seek(player.time + 10)),
			this.#time, this.#passage, el('span', { class: 'room' }), this.#speed,
			button('player-keys', 'player.keyboard', sign('keys'), () => help(player.node)),
			button('player-full', 'player.full', drawn('full'), () => player.full()));
	}

	speed(rate) {
		this.#speed.value = String(rate);
	}

	show({ time, duration, playing, passages }) {
		const text = `${formatSeconds(time)} / ${formatSeconds(duration)}`;
		if (this.#time.textContent !== text) this.#time.textContent = text;
		this.#now(passages, time);
		if (this.#shown.playing === playing) return;
		this.#shown.playing = playing;
		for (const attribute of ['aria-label', 'title']) sayAttribute(this.#play, attribute, playing ? 'player.pause' : 'player.play');
		replace(this.#play, drawn(playing ? 'pause' : 'play'));
	}

	/* Which passage, and what the clock on the wall showed. */
	#now(passages, time) {
		const at = passageAt(passages, time), day = timeOfDay(passages, time);
		this.#passage.hidden = at < 0;
		const words = { number: String(at + 1), count: String(passages.length), time: day ? clock(day) : '—' };
		const key = JSON.stringify([words, currentLanguage()]);
		if (at < 0 || this.#shown.passage === key) return;
		this.#shown.passage = key;
		say(this.#passage, passages.length > 1 ? 'player.passageAt' : 'player.dayTime', words);
	}
}
