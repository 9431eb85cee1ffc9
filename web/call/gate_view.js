/*
 * The state of recording, always in sight and in words: a pill with the state, the reasons below it, and the two
 * one-click acts of a person who agreed: off the record, withdraw. Changes are also said aloud and sounded.
 */
import { formatSeconds, t, tOr } from '../i18n/i18n.js';
import { action, el, say } from '../ui/dom.js';
import { drawn } from '../ui/icons.js';
import { chime } from './sounds.js';

/* Words for a state. No word tells which of the two did not agree. */
export function gateKeys(gate) {
	if (gate.state === 'open') return { title: 'gate.open', reasons: [] };
	if (gate.state === 'opening') return { title: 'gate.opening', reasons: [] };
	const title = gate.reasons.includes('unknown') ? 'gate.unknown' : gate.reasons.includes('paused') ? 'gate.paused' : 'gate.closed';
	return { title, reasons: gate.reasons.map((reason) => tOr(`reason.${reason}`, 'reason.unknown')) };
}

/* Asks the vault to go off the record, or agrees to resume. Both persons must agree to resume. */
function pauseButtons(api, session, problem) {
	const run = (method) => async () => {
		problem.clear();
		try {
			session.takeGate(await api.json(method, '/v1/party/pause', method === 'POST' ? {} : undefined));
			await session.refresh();
		} catch (failure) {
			problem.show(failure);
		}
	};
	const pause = action(el('button', { type: 'button', class: 'quiet', test: 'pause', hint: 'gate.pause.hint' },
		drawn('pause'), el('span', { t: 'gate.pause' })), run('POST'));
	const resume = action(el('button', { type: 'button', class: 'quiet', test: 'resume', hint: 'gate.resume.hint' },
		drawn('play'), el('span', { t: 'gate.resume' })), run('DELETE'));
	return { pause, resume };
}

class GateView {
	#session;
	#clock;
	#openSince = 0;
	#wasOpen = false;
	#dot = el('span', { class: 'dot', 'aria-hidden': 'true' });
	#title = el('strong', {});
	#time = el('span', { class: 'time', 'aria-hidden': 'true' });
	#reasons = el('span', { class: 'reasons' });
	#waiting = el('span', { class: 'waiting', t: 'gate.waiting', hidden: true });
	#gone = new AbortController();
	#loud = el('div', { class: 'announcement', role: 'status', 'aria-live': 'assertive' });

	constructor(api, session, withdraw, problem) {
		this.#session = session;
		const words = el('div', { class: 'gate-words', role: 'status', 'aria-live': 'polite' },
			el('span', { class: 'gate-title' }, this.#title, this.#time), this.#reasons, this.#waiting);
		this.buttons = pauseButtons(api, session, problem);
		this.buttons.withdraw = action(el('button', { type: 'button', class: 'quiet', test: 'withdraw', hint: 'gate.withdraw.hint' },
			drawn('close'), el('span', { t: 'gate.withdraw' })), withdraw);
		const acts = el('div', { class: 'gate-acts' }, ...Object.values(this.buttons));
		this.node = el('section', { class: 'gate', test: 'gate-state', label: 'gate.label', tabindex: '-1' },
			el('div', { class: 'gate-pill' }, this.#dot, words), acts);
		this.announcement = this.#loud;
		const { signal } = this.#gone;
		session.addEventListener('gate', ({ detail }) => this.#change(detail), { signal });
		session.addEventListener('change', () => this.show(), { signal });
		this.#clock = setInterval(() => this.#tick(), 1000);
		this.show();
	}

	/* The call is over: nothing of it is in the title or heard any more. */
	stop() {
		this.#gone.abort();
		clearInterval(this.#clock);
		clearTimeout(this.timer);
		document.title = 'Aparté';
	}

	/* A button that went away under the focus hands it to its opposite, else to the state itself. */
	#keepFocus(held) {
		if (!held?.hidden || !this.node.contains(held)) return;
		const { pause, resume } = this.buttons;
		const next = held === pause ? resume : held === resume ? pause : null;
		(next && !next.hidden ? next : this.node).focus({ preventScroll: true });
	}

	show() {
		const { gate, party } = this.#session;
		const held = document.activeElement; /* before a button is hidden, which takes it away */
		this.node.dataset.state = gate.state;
		this.node.dataset.reasons = gate.reasons.join(' ');
		const { title, reasons } = gateKeys(gate);
		say(this.#title, title);
		this.#reasons.replaceChildren(...reasons.map((key) => el('span', { t: key })));
		const paused = gate.reasons.includes('paused');
		const mine = gate.paused?.self ?? party?.paused?.self ?? paused;
		this.#waiting.hidden = !(paused && !mine);
		this.buttons.pause.hidden = paused || !this.#session.givesRecording;
		this.buttons.resume.hidden = !(paused && mine);
		this.buttons.withdraw.hidden = !this.#session.givesRecording;
		this.#keepFocus(held);
		this.#tick();
	}

	/* What is announced is a change between two known states: a lost link says nothing about the recording. */
	#change(now) {
		if (!now.reasons.includes('unknown')) {
			const open = now.state === 'open';
			if (open !== this.#wasOpen) this.#announce(open ? 'announce.started' : 'announce.stopped', open);
			this.#wasOpen = open;
		}
		this.show();
	}

	#announce(key, started) {
		this.#openSince = started ? Date.now() : 0;
		chime(started);
		say(this.#loud, key);
		this.#loud.dataset.kind = started ? 'started' : 'stopped';
		this.#loud.classList.add('shown');
		clearTimeout(this.timer);
		this.timer = setTimeout(() => this.#loud.classList.remove('shown'), 5000);
	}

	#tick() {
		const open = this.#session.gate.state === 'open' && this.#openSince;
		this.#time.textContent = open ? formatSeconds((Date.now() - this.#openSince) / 1000) : '';
		document.title = this.#session.gate.state === 'open' ? `● ${t('gate.open')} · Aparté` : 'Aparté';
	}
}

export function gateView(api, session, withdraw, problem) {
	return new GateView(api, session, withdraw, problem);
}
