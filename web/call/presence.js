/*
 * "I am still here": a signed message every 5 s by this device's key, while the gate is open, or closed because nothing
 * was heard: it is what opens it again. None while a withdrawal is on its way or no media goes: without presence the vault
 * closes the gate by itself. The counter is the clock's milliseconds, so it grows across reloads without being
 * kept.
 */
import { presenceBytes } from '../crypto/presence.js';
import { PRESENCE_SECONDS } from '../crypto/statement.js';

export class Presence {
	#api;
	#session;
	#device;
	#consents;
	#last = 0;
	#timer = null;

	constructor(api, session, device, consents) {
		this.#api = api;
		this.#session = session;
		this.#device = device;
		this.#consents = consents;
		session.addEventListener('gate', () => this.#follow());
		this.#follow();
	}

	#follow() {
		const { state, reasons, generation } = this.#session.gate;
		const asked = state !== 'closed' || reasons.includes('presence');
		const wanted = asked && !this.#session.cut && generation !== undefined && this.#session.givesRecording;
		if (wanted && !this.#timer) {
			this.#timer = setInterval(() => this.#send(), PRESENCE_SECONDS * 1000);
			this.#send();
		} else if (!wanted && this.#timer) {
			clearInterval(this.#timer);
			this.#timer = null;
		}
	}

	async #send() {
		const { generation } = this.#session.gate;
		if (generation === undefined || this.#consents.owes) return;
		const counter = (this.#last = Math.max(this.#last + 1, Date.now()));
		const signature = await this.#device.sign(presenceBytes(this.#session.party.session, generation, counter));
		// A lost one is made good by the next; the gate closes by itself when all are lost.
		await this.#api.post('/v1/party/presence', { generation, counter, signature }).catch(() => {});
	}

	stop() {
		clearInterval(this.#timer);
		this.#timer = null;
	}
}
