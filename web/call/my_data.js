/*
 * After the session: what is held about me. Recordings with their end, who accessed them, receipts verified here,
 * requests. The same link serves for as long as there is something to ask.
 */
import { onLanguage } from '../i18n/i18n.js';
import { list } from '../ui/api.js';
import { action, el, replace, translate } from '../ui/dom.js';
import { drawn } from '../ui/icons.js';
import { problemLine } from '../ui/problem.js';
import { accessList, receiptList, recordingList } from './my_lists.js';
import { requestForm } from './my_request.js';
import { requestItem } from './my_request_item.js';
import { ownRequests } from './my_requests.js';

function section(key, test, icon) {
	const body = el('div', { class: 'section-body', 'aria-busy': 'true' });
	return { body, node: el('section', { class: 'card', test }, el('h2', {}, drawn(icon), el('span', { t: key })), body) };
}

/* Fills a section from one call; an empty list and a failure each have words of their own. */
async function fill({ body }, load, emptyKey, draw) {
	const problem = problemLine();
	try {
		const items = await load();
		replace(body, items.length ? await draw(items) : el('p', { class: 'empty', t: emptyKey }));
	} catch (failure) {
		problem.show(failure);
		replace(body, problem.node);
	} finally {
		body.removeAttribute('aria-busy');
	}
}

class MyData {
	#api;
	#session;
	#consents;
	#parts = {
		recordings: section('mine.recordings', 'my-recordings', 'camera'),
		accesses: section('mine.accesses', 'my-accesses', 'eye'),
		receipts: section('mine.receipts', 'my-receipts', 'consent'),
		requests: section('mine.requests', 'my-requests', 'data'),
	};

	constructor({ api, session, consents }) {
		this.#api = api;
		this.#session = session;
		this.#consents = consents;
		this.nodes = Object.values(this.#parts).map(({ node }) => node);
		const form = requestForm(api, session.party, () => this.load());
		this.#parts.requests.node.append(form);
	}

	#get(path, name) {
		return async () => list(await this.#api.get(path), name);
	}

	/* Each section fills by itself; one that fails does not hold up the others. */
	async load() {
		const { recordings, accesses, receipts, requests } = this.#parts;
		const context = { api: this.#api, party: this.#session.party, again: () => this.load() };
		const requestList = (all) => el('ul', { class: 'items' }, ...all.map((request) => requestItem(context, request)));
		await Promise.all([
			fill(recordings, this.#get('/v1/party/recordings', 'recordings'), 'mine.noRecordings', (all) => recordingList(context, all)),
			fill(accesses, this.#get('/v1/party/accesses', 'accesses'), 'mine.noAccesses', accessList),
			fill(receipts, this.#get('/v1/party/receipts', 'receipts'), 'mine.noReceipts', (all) => receiptList(context, all)),
			fill(requests, () => ownRequests(this.#api, this.#session.party), 'mine.noRequests', requestList),
		]);
	}

	/* Withdrawing stays one click for as long as something is agreed to. */
	withdrawal(problem) {
		const button = el('button', { type: 'button', class: 'button', t: 'mine.withdraw', test: 'withdraw' });
		action(button, async (event) => {
			problem.clear();
			try {
				await this.#consents.withdraw(['recording'], event.detail === 0 ? 'keyboard' : 'button');
				await this.load();
			} catch (failure) {
				problem.show(failure);
			}
		});
		const show = () => (button.hidden = !this.#session.givesRecording);
		this.#session.addEventListener('change', show); /* what was withdrawn is known once it was acknowledged */
		show();
		return button;
	}
}

export async function myData(root, context) {
	const { session, why, language } = context;
	const problem = problemLine('my-problem');
	const page = new MyData(context);
	const rejoin = el('button', { type: 'button', class: 'button primary', t: 'mine.rejoin', test: 'rejoin',
		on: { click: () => location.reload() } });
	rejoin.hidden = session.ended;
	const head = el('div', { class: 'mine-head' }, el('h1', { t: why === 'left' ? 'mine.left' : 'mine.ended' }),
		el('p', { class: 'lead', t: 'mine.lead' }), el('div', { class: 'row' }, rejoin, page.withdrawal(problem)), problem.node);
	replace(root, el('header', { class: 'top' }, el('span', { class: 'brand', t: 'brand' }), language),
		el('main', { class: 'mine', test: 'my-data' }, head, ...page.nodes));
	onLanguage(() => page.load());
	translate(root);
	await page.load();
}
