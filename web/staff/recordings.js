/*
 * The library: the recordings one may know of, newest first, searched and filtered by the vault, brought in portions as
 * one scrolls. Opening one asks for purpose and reason first. What was asked for is kept while the page lives, so that
 * one comes back from a viewing to where one was.
 */
import { list } from '../ui/api.js';
import { el, replace } from '../ui/dom.js';
import { searchFields } from './library_search.js';
import { placeholder, row } from './recording_row.js';
import { empty, failure } from './states.js';
import { Windowed } from './windowed.js';

const PORTION = 100;
const MOST = 1000;
/* Asked for this many rows before they are seen. */
const EARLY = 40;

/* What was asked for last in this page: {q, state, from, to, soon, waiting}. */
let kept = {};

/* A day's first moment where the reader is, as rows show their dates. */
const midnight = (day) => (day ? new Date(`${day}T00:00:00`).toISOString() : '');

function query({ q, state, from, to, soon }, limit, after) {
	const given = { q, state, from: midnight(from), to: midnight(to), expires_before: soon, limit: String(limit), after };
	const params = new URLSearchParams(Object.entries(given).filter(([, value]) => value));
	if (!after) params.set('count', '1');
	return `/v1/recordings?${params}`;
}

/* One search: its rows as they come. `changed(from)` after each portion. */
class Found {
	all = [];
	total = 0;
	failed = null;
	#next;
	#busy = false;

	constructor(api, wish, changed) {
		Object.assign(this, { api, wish, changed });
	}

	get ended() {
		return this.total <= this.all.length && !this.#next;
	}

	/* So many are wanted: asks on until they are there. A leap to the end brings larger portions. */
	async want(count) {
		if (this.#busy || this.failed) return;
		this.#busy = true;
		try {
			while (this.all.length === 0 || (this.#next && this.all.length < count)) {
				const from = this.all.length, limit = Math.min(MOST, Math.max(PORTION, count - from));
				const answer = await this.api.get(query(this.wish, limit, this.#next));
				this.all.push(...list(answer, 'recordings'));
				this.#next = answer.next;
				this.total = Math.max(answer.total ?? this.total, this.all.length + (this.#next ? 1 : 0));
				if (!this.#next) this.total = this.all.length;
				this.changed(from);
				if (this.all.length === from) break;
			}
		} catch (error) {
			this.failed = error;
			this.changed(this.all.length);
		} finally {
			this.#busy = false;
		}
	}

	again(count) {
		this.failed = null;
		return this.want(count);
	}
}

/* Those that wait for a second person's word, one by one: there are few. */
class Waiting extends Found {
	constructor(api, approvals, changed) {
		super(api, {}, changed);
		this.approvals = approvals;
	}

	async want() {
		if (this.all.length) return;
		try {
			this.all = await Promise.all(this.approvals.map(({ recording }) => this.api.get(`/v1/recordings/${recording}`)));
			this.total = this.all.length;
		} catch (error) {
			this.failed = error;
		}
		this.changed(0);
	}
}

/* One's own that are asked for or approved, by recording; a library is one without them as well. */
async function myApprovals({ api, me }) {
	if (!['supervisor', 'coach', 'sponsor'].includes(me.role)) return [];
	const all = list(await api.get('/v1/approvals').catch(() => []), 'approvals');
	return all.filter(({ who, state }) => who === me.user && ['pending', 'approved'].includes(state));
}

/* What stands where rows would be: none at all, none that match, a failure. */
function instead({ found, clear, again }) {
	if (found.failed) return failure(found.failed, again);
	const searched = Object.values(kept).some(Boolean);
	const blank = empty(searched ? 'recording.none' : 'recording.empty', { hint: searched ? 'library.noneHint' : 'library.emptyHint', test: 'library-empty' });
	if (searched) blank.append(el('button', { type: 'button', class: 'button', t: 'library.clear', test: 'library-clear', on: { click: clear } }));
	return blank;
}

class Library {
	#context;
	#found;
	#rows;
	#byRecording;
	#place = el('div', { class: 'library-rows' });
	#count = el('p', { class: 'count', role: 'status', test: 'library-count' });

	constructor(context, approvals) {
		this.#context = context;
		this.#byRecording = new Map(approvals.map((one) => [one.recording, one]));
		this.#rows = new Windowed({ test: 'library', draw: (index) => this.#row(index), wanted: (last) => this.#wanted(last) });
		const fields = searchFields({ kept, waiting: approvals.length, changed: (wish) => this.search(wish), me: context.me });
		this.nodes = [el('div', { class: 'library-head' }, el('h1', { t: 'staff.recordings' }), this.#count), fields.node, this.#place];
		this.approvals = approvals;
		this.fields = fields;
	}

	#row(index) {
		const recording = this.#found.all[index];
		return recording ? row(this.#context, recording, this.#byRecording.get(recording.id)) : placeholder();
	}

	#wanted(last) {
		if (this.#found && !this.#found.ended) this.#found.want(last + EARLY);
	}

	/* The first portion is awaited, so that what is shown first is rows and not their places. */
	async search(wish) {
		kept = wish;
		const { api } = this.#context;
		let first = true;
		const changed = (from) => {
			if (found !== this.#found) return; // asked for something else meanwhile
			this.#show(from, first);
			first = false;
		};
		const found = wish.waiting ? new Waiting(api, this.approvals, changed) : new Found(api, wish, changed);
		this.#found = found;
		this.#place.setAttribute('aria-busy', 'true');
		await found.want(PORTION);
		this.#place.removeAttribute('aria-busy');
	}

	#show(from, fresh) {
		const found = this.#found, nothing = found.all.length === 0;
		replace(this.#count, nothing ? null : el('span', { t: [found.total === 1 ? 'library.one' : 'library.count', { count: found.total.toLocaleString(document.documentElement.lang) }] }));
		const again = () => {
			replace(this.#place, this.#rows.node);
			return found.again(PORTION);
		};
		const shown = nothing ? [instead({ found, again, clear: () => this.fields.clear() })] : [this.#rows.node, found.failed ? failure(found.failed, again) : null];
		if (fresh || nothing || found.failed || !this.#rows.node.isConnected) replace(this.#place, ...shown);
		this.#rows.count(found.total, fresh);
		this.#rows.redraw(from, found.all.length);
	}

	close() {
		this.#rows.close();
		this.fields.close();
	}
}

export async function recordings(context) {
	const library = new Library(context, await myApprovals(context));
	await library.search(kept);
	return { nodes: library.nodes, close: () => library.close() };
}
