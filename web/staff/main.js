/* The page of staff: sign-in, then what one's role may see. The address's fragment says which view. */
import { onLanguage, startLanguage } from '../i18n/i18n.js';
import { Api } from '../ui/api.js';
import { el, plain, replace, translate } from '../ui/dom.js';
import { languageSwitch } from '../ui/language.js';
import { problemKey } from '../ui/problem.js';
import { accesses } from './accesses.js';
import { account } from './account.js';
import { approvals } from './approvals.js';
import { conduct } from './conduct.js';
import { grants } from './grants.js';
import { holds } from './holds.js';
import { incidents } from './incidents.js';
import { login } from './login.js';
import { offboarding } from './offboarding.js';
import { policies } from './policies.js';
import { proofs } from './proofs.js';
import { recordings } from './recordings.js';
import { register } from './register.js';
import { requests } from './requests.js';
import { review } from './review.js';
import { state } from './state.js';
import { viewing } from './viewing.js';

const root = document.getElementById('app');
const api = new Api();

/* View, who has it in their navigation. A view answers nodes, and may answer a closing function with them. */
const VIEWS = {
	recordings: { view: recordings, roles: ['supervisor', 'coach', 'admin', 'sponsor'] },
	grants: { view: grants, roles: ['admin', 'coach'] },
	requests: { view: requests, roles: ['admin'] },
	accesses: { view: accesses, roles: ['admin', 'auditor'] },
	approvals: { view: approvals, roles: ['admin', 'coach', 'supervisor', 'sponsor'] },
	review: { view: review, roles: ['admin', 'auditor'] },
	policies: { view: policies, roles: ['admin', 'auditor'] },
	incidents: { view: incidents, roles: ['admin', 'auditor'] },
	holds: { view: holds, roles: ['admin', 'auditor'] },
	register: { view: register, roles: ['admin', 'auditor'] },
	proofs: { view: proofs, roles: ['admin', 'auditor'] },
	state: { view: state, roles: ['admin', 'auditor'] },
	offboarding: { view: offboarding, roles: ['admin', 'auditor'] },
	conduct: { view: conduct, roles: ['admin', 'auditor', 'coach', 'supervisor', 'sponsor'] },
	account: { view: account, roles: [] }, /* reached by one's own name */
};

/* Whoever may come to see content reads the code of conduct first. */
const VIEWERS = ['supervisor', 'coach', 'sponsor', 'admin'];

let close = null;

function route() {
	const [, name = '', id = ''] = location.hash.split('/');
	return { name, id };
}

function navigation(me, name) {
	const links = Object.entries(VIEWS)
		.filter(([, { roles }]) => roles.includes(me.role))
		.map(([key]) => el('a', { href: `#/${key}`, t: `staff.${key}`, test: `nav-${key}`, 'aria-current': key === (name === 'view' ? 'recordings' : name) && 'page' }));
	return el('nav', { label: 'staff.navigation' }, ...links);
}

function header(me, name) {
	const out = el('button', { type: 'button', class: 'small', t: 'staff.logout', test: 'logout' });
	out.addEventListener('click', () => api.post('/v1/logout').catch(() => {}).then(() => location.replace('/')));
	const who = plain('a', me.user, { class: 'who', href: '#/account', hint: 'staff.account', test: 'nav-account' });
	const brand = el('span', { class: 'brand', t: 'brand' }), links = navigation(me, name);
	/* Many links have a line of their own, below what is always there. */
	return links.childElementCount > 7 ? el('header', { class: 'top many' }, brand, who, languageSwitch(), out, links)
		: el('header', { class: 'top' }, brand, links, who, languageSwitch(), out);
}

function first(me) {
	return Object.keys(VIEWS).find((key) => VIEWS[key].roles.includes(me.role)) ?? 'recordings';
}

/* Views of an older navigation may answer late: only the newest is shown. */
let turn = 0;
/* Who is signed in, as told last. */
let shownTo;

async function show(me) {
	const mine = ++turn;
	shownTo = me;
	close?.();
	close = null;
	const { name, id } = route();
	const view = name === 'view' ? viewing : VIEWS[name]?.view;
	if (!view) return location.replace(`#/${first(me)}`);
	if (me.conduct_due && VIEWERS.includes(me.role) && name !== 'conduct') return location.replace('#/conduct');
	const main = el('main', { class: 'staff', 'data-view': name });
	replace(root, header(me, name), main);
	main.append(el('p', { class: 'empty', t: 'loading', role: 'status' }));
	try {
		const shown = await view({ api, me, id, again: () => api.get('/v1/me').then(show, () => show(me)) });
		if (mine !== turn) return shown.close?.();
		close = shown.close ?? null;
		replace(main, ...shown.nodes);
	} catch (failure) {
		if (failure.status === 401) return location.reload();
		replace(main, el('p', { class: 'problem', role: 'alert', t: problemKey(failure), test: 'view-problem', 'data-error': failure.name }));
	}
}

async function run() {
	startLanguage();
	onLanguage(() => translate(document));
	const me = (await api.get('/v1/me').catch(() => null)) ?? (await login(root, api));
	window.addEventListener('hashchange', () => show(shownTo));
	onLanguage(() => route().name !== 'view' && show(shownTo));
	await show(me);
}

run();
