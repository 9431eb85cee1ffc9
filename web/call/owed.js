/*
 * A person's withdrawals and refusals that nobody has acknowledged yet. Each is kept on this device before it is sent and
 * repeated, over reloads too, until the vault has answered: a gateway or a vault that dies in between loses none. A give
 * waits for them, so that none comes after it.
 */
import { ApiError, parse } from '../ui/api.js';

const AGAIN_MS = 2000;
const ANSWER_MS = 12000;

/* Not answered, or by somebody who could not take it; anything else is an answer. */
function isUndelivered({ status }) {
	return status === 0 || status === 429 || status >= 500;
}

/* Tells "delivered" with {receipt, hash} for each one. */
export class Owed extends EventTarget {
	#api;
	#key;
	#busy = null;
	#timer = 0;

	constructor(api, { session, role }) {
		super();
		this.#api = api;
		this.#key = `aparte/owed/${session}/${role}`;
		if (this.#list().length) this.#later();
	}

	get owes() {
		return this.#list().length > 0;
	}

	#list() {
		return JSON.parse(localStorage.getItem(this.#key) ?? '[]');
	}

	#save(list) {
		if (list.length) localStorage.setItem(this.#key, JSON.stringify(list));
		else localStorage.removeItem(this.#key);
	}

	/* Keeps a decision's body with its statement's hash, and sends what is owed. */
	async put(body, hash) {
		this.#save([...this.#list(), { body, hash }]);
		await this.#busy?.catch(() => {}); /* which may have begun without this one */
		return this.deliver();
	}

	/* Another tab may have added to the list meanwhile, or taken from it. */
	#remove({ hash }) {
		this.#save(this.#list().filter((one) => one.hash !== hash));
	}

	async #post(body) {
		const sent = { body: JSON.stringify(body), signal: AbortSignal.timeout(ANSWER_MS) };
		return parse(await (await this.#api.request('POST', '/v1/consents', sent)).text());
	}

	/*
	 * All of them, in their order. Fails with how one was refused, or when one must be repeated: with "decision-kept" where the
	 * gateway took it, which ends the recording, and the vault is away; with "decision-late" where that is not known.
	 */
	deliver() {
		this.#busy ??= this.#run().finally(() => (this.#busy = null));
		return this.#busy;
	}

	async #run() {
		clearTimeout(this.#timer);
		for (let [one] = this.#list(); one; [one] = this.#list()) {
			const receipt = await this.#post(one.body).catch((failure) => this.#failed(failure, one));
			this.#remove(one);
			this.dispatchEvent(new CustomEvent('delivered', { detail: { receipt, hash: one.hash } }));
		}
	}

	#failed(failure, one) {
		if (!isUndelivered(failure)) {
			this.#remove(one); /* repeating it would change nothing */
			throw failure;
		}
		this.#later();
		throw new ApiError(failure.name === 'vault-unavailable' ? 'decision-kept' : 'decision-late', failure.status);
	}

	#later() {
		this.#timer = setTimeout(() => this.deliver().catch(() => {}), AGAIN_MS);
	}
}
