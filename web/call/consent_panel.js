/*
 * The notice and the decision: one unticked choice per purpose, accept and refuse of the same size and weight, and
 * afterwards what one decided, with each agreement to be withdrawn in one click. Nothing here knows of the peer's
 * decision; after a refusal the panel comes only when asked for.
 */
import { onLanguage, t, tOr } from '../i18n/i18n.js';
import { action, el, plain, replace } from '../ui/dom.js';
import { problemLine } from '../ui/problem.js';
import { inSight } from './in_sight.js';
import { noticeDetails } from './notice_view.js';
import { receiptBadge } from '../ui/receipts.js';

const GIVEN = 'ConsentGiven';

function method(event) {
	return event.detail === 0 ? 'keyboard' : 'button';
}

/* The server's own title of a purpose, or ours. */
function purposeTitle(purpose) {
	return purpose.title || t(tOr(`purpose.${purpose.id}`, 'purpose.other'));
}

class ConsentPanel {
	#session;
	#consents;
	#notice = null;
	#problem = problemLine('consent-problem');
	#receipt = el('div', { class: 'receipts' });
	#body = el('div', { class: 'panel-body' });

	constructor(session, consents) {
		this.#session = session;
		this.#consents = consents;
		this.node = el('section', { class: 'consent', label: 'consent.title', test: 'consent-panel' },
			this.#body, this.#problem.node, this.#receipt);
		consents.addEventListener('receipt', ({ detail }) => {
			this.#problem.clear();
			replace(this.#receipt, receiptBadge(detail, detail.receipt));
		});
		session.addEventListener('change', () => this.#known() !== this.shown && this.#draw());
		onLanguage(() => this.load());
	}

	get undecided() {
		return !this.#decided();
	}

	get hasProblem() {
		return !this.#problem.node.hidden;
	}

	#decided() {
		return this.#session.consent('recording') !== 'ConsentUnknown';
	}

	/* One's own decisions, which may also change elsewhere: in another tab, or when a kept one is delivered. */
	#known() {
		return JSON.stringify(this.#session.party?.consents);
	}

	async load() {
		this.#problem.clear();
		try {
			this.#notice = await this.#consents.loadNotice();
			this.#draw();
		} catch (failure) {
			this.#failed(failure);
		}
	}

	#failed(failure) {
		const again = action(el('button', { type: 'button', class: 'button', t: 'retry' }), () => this.load());
		replace(this.#body, el('h2', { t: 'consent.title' }), el('p', { t: 'consent.unavailable' }), again);
		this.#problem.show(failure);
	}

	#draw() {
		if (!this.#notice) return;
		this.shown = this.#known();
		const state = this.#session.consent('recording');
		const summary = this.#decided() ? el('p', { class: 'summary', test: 'consent-summary', tabindex: '-1', 'data-state': state,
			t: state === GIVEN ? 'consent.given' : 'consent.notGiven' }) : el('p', { class: 'lead', tabindex: '-1', t: 'consent.lead' });
		const form = this.#form();
		const focused = this.#body.contains(document.activeElement);
		replace(this.#body, el('h2', { t: 'consent.title' }), summary, noticeDetails(this.#notice), form, this.#answers(form));
		if (focused) summary.focus({ preventScroll: true }); /* what had it is gone; the new state is read out */
	}

	#form() {
		const form = el('form', { class: 'purposes' }, ...this.#notice.purposes.map((purpose) => this.#choice(purpose)));
		form.addEventListener('submit', (event) => event.preventDefault());
		return form;
	}

	#choice(purpose) {
		const words = el('span', { class: 'purpose-words' });
		words.append(plain('strong', purposeTitle(purpose)), plain('span', purpose.text));
		if (purpose.retention) {
			const kept = el('small', { t: ['consent.retention', { time: retentionWords(purpose.retention) }] });
			words.append(kept);
		}
		if (this.#session.consent(purpose.id) === GIVEN) return this.#given(purpose, words);
		const box = el('input', { type: 'checkbox', name: purpose.id, test: `consent-purpose-${purpose.id}`, autocomplete: 'off' });
		return el('label', { class: 'purpose' }, box, words);
	}

	#given(purpose, words) {
		const withdraw = el('button', { type: 'button', class: 'small', t: 'consent.withdrawOne', test: `withdraw-${purpose.id}` });
		action(withdraw, (event) => this.#run(() => this.#consents.withdraw([purpose.id], method(event))));
		return el('div', { class: 'purpose given', test: `given-${purpose.id}` }, words, withdraw);
	}

	/* A refusal is asked for only while nothing was agreed to: later, not ticking says it. */
	#answers(form) {
		if (this.#notice.purposes.every(({ id }) => this.#session.consent(id) === GIVEN)) return null;
		const accept = el('button', { type: 'button', class: 'button choice', t: 'consent.accept', test: 'consent-accept' });
		const seen = inSight(accept);
		action(accept, (event) => (seen() ? this.#accept(form, method(event)) : this.#tell({ name: 'out-of-sight' })));
		if (this.#session.givesRecording) return el('div', { class: 'answers' }, accept);
		const refuse = el('button', { type: 'button', class: 'button choice', t: 'consent.refuse', test: 'consent-refuse' });
		const all = this.#notice.purposes.map(({ id }) => id);
		action(refuse, (event) => this.#run(() => this.#consents.refuse(all, method(event), this.#notice)));
		return el('div', { class: 'answers' }, accept, refuse);
	}

	#accept(form, how) {
		const ticked = [...form.querySelectorAll('input:checked')].map((box) => box.name);
		if (!ticked.length) return this.#tell({ name: 'nothing-ticked' });
		if (!ticked.includes('recording') && !this.#session.givesRecording)
			return this.#tell({ name: 'recording-first' });
		return this.#run(() => this.#consents.give(ticked, how, this.#notice));
	}

	/* Runs one decision; the panel shows the new state, or what went wrong. A notice that changed is shown anew. */
	async #run(decide) {
		this.#problem.clear();
		try {
			await decide();
			this.#draw();
		} catch (failure) {
			if (failure.name === 'statement-notice') await this.load();
			this.#tell(failure);
		}
	}

	/* What went wrong stands below the buttons, which may be at the edge of what is in sight. */
	#tell(failure) {
		this.#problem.show(failure);
		this.#problem.node.scrollIntoView({ block: 'nearest' });
	}

	withdrawRecording(event) {
		return this.#run(() => this.#consents.withdraw(['recording'], method(event)));
	}
}

/* A retention as the notice gives it: words already, or a number of days. */
function retentionWords(retention) {
	return typeof retention === 'number' ? t('consent.days', { days: retention }) : String(retention);
}

export function consentPanel(session, consents) {
	return new ConsentPanel(session, consents);
}
