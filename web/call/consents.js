/*
 * A person's decisions: fetches the notice and checks its hash, signs, sends, keeps the hash of one's own
 * statements, verifies each receipt at once. Withdrawing needs nothing but the token: when the notice or the key
 * fails, the vault still takes it; when the vault or the gateway is away, it is repeated (owed.js).
 */
import { currentLanguage } from '../i18n/i18n.js';
import { statementHash } from '../crypto/receipt.js';
import { checkNotice } from '../crypto/notice.js';
import { makeConsent } from '../crypto/statement.js';
import { checkReceipt, pinLogKey, rememberStatement } from '../ui/receipts.js';
import { Owed } from './owed.js';

const UNKNOWN_NOTICE = { version: 'unknown', lang: 'fr', sha256: '0'.repeat(64) };

export class Consents extends EventTarget {
	notice = null;
	#api;
	#session;
	#device;
	#owed;

	constructor(api, session, device) {
		super();
		this.#api = api;
		this.#session = session;
		this.#device = device;
		this.#owed = new Owed(api, session.party);
		this.#owed.addEventListener('delivered', ({ detail }) => this.#acknowledged(detail.receipt, detail.hash));
	}

	/* Whether a withdrawal or a refusal has not been acknowledged yet. */
	get owes() {
		return this.#owed.owes;
	}

	/* In the language of now. Always fresh: its seal key is for one use. */
	async loadNotice() {
		const notice = await this.#api.get(`/v1/notice?lang=${currentLanguage()}`);
		this.notice = await checkNotice(notice);
		pinLogKey(notice.log_key);
		return notice;
	}

	#timeKey() {
		const { session, role } = this.#session.party;
		return `aparte/last-statement/${session}/${role}`;
	}

	async #send(event, purposes, method, notice) {
		const made = await makeConsent({
			party: this.#session.party,
			notice,
			device: this.#device,
			event,
			purposes,
			method,
			previousTime: localStorage.getItem(this.#timeKey()),
		});
		localStorage.setItem(this.#timeKey(), made.time);
		const hash = await statementHash(made.text);
		rememberStatement(this.#session.party, hash);
		if (event !== 'ConsentGiven') return this.#owed.put(made.body, hash);
		await this.#owed.deliver();
		return this.#acknowledged(await this.#api.post('/v1/consents', made.body), hash);
	}

	async #acknowledged(receipt, hash) {
		const result = await checkReceipt(receipt, hash);
		this.dispatchEvent(new CustomEvent('receipt', { detail: { receipt, ...result } }));
		await this.#session.refresh().catch(() => {});
	}

	/* `shown` is the notice that stood before the person's eyes; only its seal key is taken anew. */
	async give(purposes, method, shown) {
		const fresh = await this.#api.get(`/v1/notice?lang=${shown.lang}`);
		const changed = fresh.sha256 !== shown.sha256;
		if (changed) throw Object.assign(new Error('the notice changed'), { name: 'statement-notice' });
		return this.#send('ConsentGiven', purposes, method, { ...shown, seal: fresh.seal });
	}

	refuse(purposes, method, shown) {
		return this.#send('ConsentRefused', purposes, method, shown ?? UNKNOWN_NOTICE);
	}

	withdraw(purposes, method) {
		return this.#send('ConsentWithdrawn', purposes, method, this.notice ?? UNKNOWN_NOTICE);
	}
}
