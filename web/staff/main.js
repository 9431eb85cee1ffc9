/* The page of staff: sign-in, then what one's role may see. The address's fragment says which view. */
import '../i18n/all.js';
import { currentLanguage, onLanguage, startLanguage, t, tOr } from '../i18n/i18n.js';
import { el, replace, translate } from '../ui/dom.js';
import { StaffApi } from './api.js';
import { login, loginAgain } from './login.js';
import { shell } from './shell.js';
import { failure as failed, skeleton } from './states.js';

const root = document.getElementById('app');
const api = new StaffApi(() => loginAgain(api, shownTo));

/*
 * Views, and who has them in their navigation. Each is a module of its name, fetched when it is first gone to; it exports a
 * function of its name that answers nodes, and may answer a closing function with them.
 */
const VIEWS = {
	overview: ['admin', 'auditor'],
	recordings: ['supervisor', 'coach', 'admin', 'sponsor'],
	grants: ['admin', 'coach'],
	requests: ['admin'],
	accesses: ['admin', 'auditor'],
	approvals: ['admin', 'coach', 'supervisor', 'sponsor'],
	review: ['admin', 'auditor'],
	policies: ['admin', 'auditor'],
	incidents: ['admin', 'auditor'],
	holds: ['admin', 'auditor'],
	register: ['admin', 'auditor'],
	proofs: ['admin', 'auditor'],
	state: ['admin', 'auditor'],
	ledger: ['admin', 'auditor'],
	users: ['admin'],
	offboarding: ['admin', 'auditor'],
	conduct: ['admin', 'auditor', 'coach', 'supervisor', 'sponsor'],
	account: [], /* reached by one's own name */
	viewing: [], /* reached by an access: #/view/<its id> */
};
const NAMED = { view: 'viewing' };

/* A part of the page that does not come is a server that does not answer. */
async function viewOf(name) {
	const module = await import(`./${name}.js`).catch((error) => {
		throw Object.assign(error, { name: 'network' });
	});
	return module[name];
}

/* Whoever may come to see content reads the code of conduct first. */
const VIEWERS = ['supervisor', 'coach', 'sponsor', 'admin'];

let close = null;

function route() {
	const [, name = '', id = ''] = location.hash.split('/');
	return { name, id };
}

const viewsOf = (me) => Object.keys(VIEWS).filter((key) => VIEWS[key].includes(me.role));
const leave = () => api.post('/v1/logout').catch(() => {}).then(() => location.replace('/'));

function first(me) {
	return viewsOf(me)[0] ?? 'recordings';
}

/* Views of an older navigation may answer late: only the newest is shown. */
let turn = 0;
/* Who is signed in, as told last; and whether they have just gone to another view, or done something in this one. */
let shownTo, moved = false, acted = false;

async function show(me) {
	const mine = ++turn;
	shownTo = me;
	close?.();
	close = null;
	const { name, id } = route();
	const module = NAMED[name] ?? name;
	if (!Object.hasOwn(VIEWS, module)) return location.replace(`#/${first(me)}`);
	if (me.conduct_due && VIEWERS.includes(me.role) && name !== 'conduct') return location.replace('#/conduct');
	const { nodes, main } = shell({ me, views: viewsOf(me), here: name === 'view' ? 'recordings' : name, leave });
	document.title = `${t(tOr(`staff.${name}`, 'staff.recordings'))} · ${t('brand')}`;
	main.dataset.view = name;
	main.setAttribute('aria-busy', 'true');
	main.append(skeleton());
	replace(root, ...nodes);
	if (moved) main.focus(); /* who reads with the ear is at the new view's beginning */
	moved = false;
	/* An act redraws the page and takes the button that did it: who has no pointer goes on where the view begins. */
	const refocus = () => {
		if (acted && document.activeElement === document.body) main.focus();
	};
	refocus();
	const again = () => {
		acted = true;
		return api.get('/v1/me').then(show, () => show(me));
	};
	try {
		const shown = await (await viewOf(module))({ api, me, id, again });
		if (mine !== turn) return shown.close?.();
		close = shown.close ?? null;
		replace(main, ...shown.nodes);
	} catch (failure) {
		if (mine === turn) replace(main, failed(failure, again));
	}
	if (mine !== turn) return;
	main.removeAttribute('aria-busy');
	refocus();
	acted = false;
}

/* Nobody yet: signs in. A vault that does not answer is no reason to ask for a password. */
async function whoAmI() {
	for (;;) {
		const answer = await api.get('/v1/me').catch((error) => error);
		if (answer.status === 401) return login(root, api);
		if (!(answer instanceof Error)) return answer;
		await new Promise((again) => replace(root, el('main', { class: 'entrance' }, failed(answer, again))));
	}
}

async function run() {
	startLanguage();
	onLanguage(() => translate(document));
	const me = await whoAmI();
	window.addEventListener('hashchange', () => {
		moved = true;
		show(shownTo);
	});
	let spoken = currentLanguage();
	onLanguage((now) => {
		if (now !== spoken && route().name !== 'view') show(shownTo); /* choosing the same again loses nobody's form */
		spoken = now;
	});
	await show(me);
}

run();
