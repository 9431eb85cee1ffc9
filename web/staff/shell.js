/*
 * What stands around every view of staff: the navigation in groups at the side (on a phone: below a button), who is signed in,
 * the language, the way out. A view's place is `main`.
 */
import { el, plain } from '../ui/dom.js';
import { languageSwitch } from '../ui/language.js';
import { staffIcon } from './icons_staff.js';

const GROUPS = {
	first: ['overview'],
	recordings: ['recordings', 'grants', 'approvals', 'accesses'],
	persons: ['requests', 'holds', 'proofs'],
	rules: ['policies', 'register', 'review', 'users', 'conduct'],
	instance: ['state', 'ledger', 'incidents', 'offboarding'],
};
const FEW = 6;

function link(view, here) {
	return el('a', { href: `#/${view}`, test: `nav-${view}`, 'aria-current': view === here && 'page' }, staffIcon(view), el('span', { t: `staff.${view}` }));
}

/* Few links need no headings. What no group names comes last. */
function groups(views, here) {
	const placed = new Set(Object.values(GROUPS).flat());
	const named = Object.entries({ ...GROUPS, other: views.filter((view) => !placed.has(view)) });
	const headed = views.length > FEW;
	return named.map(([group, members]) => [group, members.filter((view) => views.includes(view))]).filter(([, members]) => members.length)
		.map(([group, members]) => el('div', { class: 'side-group' },
			headed && group !== 'first' ? el('p', { class: 'side-heading', id: `side-${group}`, t: `shell.${group}` }) : null,
			el('ul', { 'aria-labelledby': headed && group !== 'first' && `side-${group}` }, ...members.map((view) => el('li', {}, link(view, here))))));
}

function menuButton(side) {
	const button = el('button', { type: 'button', class: 'small side-menu', test: 'menu', 'aria-expanded': 'false', 'aria-controls': 'side-links' },
		staffIcon('menu'), el('span', { t: 'shell.menu' }));
	const turn = (open) => {
		side.classList.toggle('open', open);
		button.setAttribute('aria-expanded', String(open));
	};
	button.addEventListener('click', () => turn(!side.classList.contains('open')));
	side.addEventListener('keydown', (event) => {
		if (event.key !== 'Escape' || !side.classList.contains('open')) return;
		turn(false);
		button.focus();
	});
	return button;
}

/* `views`: the names this person has; `here`: the one that is shown; `leave`: signs out. {nodes, main} */
export function shell({ me, views, here, leave }) {
	const main = el('main', { class: 'staff', id: 'view', tabindex: '-1' });
	const out = el('button', { type: 'button', class: 'small out', label: 'staff.logout', hint: 'staff.logout', test: 'logout', on: { click: leave } }, staffIcon('out'));
	const who = el('a', { class: 'who', href: '#/account', hint: 'staff.account', test: 'nav-account', 'aria-current': here === 'account' && 'page' },
		plain('strong', me.user), el('span', { t: `staffRole.${me.role}` }));
	const side = el('header', { class: 'side' });
	side.append(el('div', { class: 'side-top' }, el('span', { class: 'brand', t: 'brand' }), menuButton(side)),
		el('div', { class: 'side-links', id: 'side-links' }, el('nav', { label: 'staff.navigation' }, ...groups(views, here)),
			el('div', { class: 'side-foot' }, el('div', { class: 'row' }, who, out), languageSwitch())));
	/* Low windows: where one is, is in sight. */
	requestAnimationFrame(() => side.querySelector('nav [aria-current]')?.scrollIntoView({ block: 'nearest' }));
	const skip = el('button', { type: 'button', class: 'skip', t: 'shell.skip', on: { click: () => main.focus() } });
	return { nodes: [skip, el('div', { class: 'shell' }, side, main)], main };
}
