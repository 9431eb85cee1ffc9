/*
 * What this page knows of the session: the person, the peer, the gate, the recordings. One place that talks to the
 * events and tells the views ("change", "online", "gate", "recording", "peer-message", "end").
 *
 * Whatever is not known for sure counts as closed: no connection, an unknown state, an unknown reason. While no media goes
 * either way nothing is believed that says open.
 */
import { parse } from '../ui/api.js';
import { Events } from './events.js';

const STATES = ['open', 'closed', 'opening'];
const UNKNOWN = { state: 'closed', reasons: ['unknown'] };

export function safeGate(gate) {
	if (!gate || !STATES.includes(gate.state)) return UNKNOWN;
	const reasons = Array.isArray(gate.reasons) ? gate.reasons : [];
	return { ...gate, reasons, generation: gate.generation === undefined ? undefined : String(gate.generation) };
}

function data(text) {
	try {
		return parse(text);
	} catch {
		return null;
	}
}

export class Session extends EventTarget {
	party = null;
	gate = UNKNOWN;
	online = true;
	/* Whether this person's media connection is gone. */
	cut = false;
	#told = UNKNOWN;
	#api;
	#events = null;
	#refreshing = null;
	#again = false;
	#gateEvents = 0;

	constructor(api) {
		super();
		this.#api = api;
	}

	/* Reads the party anew; calls meanwhile are folded into one more. */
	refresh() {
		if (this.#refreshing) {
			this.#again = true;
			return this.#refreshing;
		}
		this.#refreshing = this.#load().finally(() => {
			this.#refreshing = null;
			if (this.#again) {
				this.#again = false;
				this.refresh().catch(() => {});
			}
		});
		return this.#refreshing;
	}

	/* An event that came meanwhile is newer than the answer's gate. */
	async #load() {
		const known = this.#gateEvents;
		this.party = await this.#api.get('/v1/party');
		if (known === this.#gateEvents) this.#setGate(this.party.gate);
		this.#tell('change');
		return this.party;
	}

	get ended() {
		return this.party?.may_join === false || this.party?.state === 'ended' || this.gate.reasons.includes('ended');
	}

	consent(purpose) {
		return this.party?.consents?.[purpose] ?? 'ConsentUnknown';
	}

	get givesRecording() {
		return this.consent('recording') === 'ConsentGiven';
	}

	listen() {
		this.#events = new Events(this.#api);
		this.#events.addEventListener('connected', () => this.#setOnline(true));
		this.#events.addEventListener('lost', () => this.#setOnline(false));
		this.#events.addEventListener('refused', ({ detail }) => this.#tell('refused', detail));
		this.#events.addEventListener('server', ({ detail }) => this.#receive(detail));
		this.#events.run();
	}

	stop() {
		this.#events?.stop();
	}

	#setOnline(online) {
		this.online = online;
		if (online) {
			this.refresh().catch(() => {});
			this.#tell('online');
		} else this.#setGate(null);
		this.#tell('change');
	}

	#receive({ event, data: text }) {
		if (event === 'gate') {
			this.#gateEvents++;
			return this.#setGate(data(text));
		}
		if (event === 'party' || event === 'consent') return void this.refresh().catch(() => {});
		if (event === 'recording') return this.#tell('recording', data(text));
		if (event === 'peer') return this.#tell('peer-message', data(text));
		if (event === 'end') return this.#tell('end', data(text) ?? {});
	}

	/* Also for answers that carry a gate. */
	#setGate(gate) {
		this.#told = safeGate(gate);
		this.#showGate();
	}

	#showGate() {
		this.gate = this.cut && this.#told.state !== 'closed' ? UNKNOWN : this.#told;
		this.#tell('gate', this.gate);
	}

	/* The media connection was lost, or is back. */
	setCut(cut) {
		if (cut === this.cut) return;
		this.cut = cut;
		this.#showGate();
		if (!cut && this.online) this.refresh().catch(() => {});
	}

	takeGate(gate) {
		if (gate?.state) this.#setGate(gate);
	}

	#tell(name, detail) {
		this.dispatchEvent(new CustomEvent(name, { detail }));
	}
}
