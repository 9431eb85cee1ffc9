/* Who works here: each user with role and platform, and the sign-ins that are open, which an administrator may end. */
import { formatDay, tOr } from '../i18n/i18n.js';
import { list } from '../ui/api.js';
import { action, el, plain } from '../ui/dom.js';
import { problemLine } from '../ui/problem.js';
import { counted, paged, pagesOf } from './pager.js';
import { tile } from './states.js';

function endButton({ api, again }, user, problem) {
	const end = el('button', { type: 'button', class: 'small', t: 'user.endLogins', test: 'user-end' });
	return action(end, () => api.delete(`/v1/logins/${encodeURIComponent(user)}`).then(again, problem.show));
}

function row(context, user, open, problem) {
	const logins = open.get(user.user) ?? 0, own = user.user === context.me.user;
	const state = user.disabled ? el('span', { class: 'state', t: ['user.disabled', { time: formatDay(user.disabled) }] })
		: el('span', { class: logins ? 'state state-good' : 'state', t: logins ? ['user.signedIn', { n: logins }] : 'user.active' });
	return [plain('strong', user.user), el('span', { class: 'chip', t: tOr(`staffRole.${user.role}`, 'role.other') }),
		user.tenant ? plain('span', user.tenant) : el('span', { t: 'register.allTenants' }), plain('span', formatDay(user.created)), state,
		logins && !own ? endButton(context, user.user, problem) : plain('span', '—')];
}

export async function users(context) {
	const { api } = context;
	const [answer, logins] = await Promise.all([api.get('/v1/users'), api.get('/v1/logins')]);
	const open = new Map();
	for (const { user } of list(logins, 'logins')) open.set(user, (open.get(user) ?? 0) + 1);
	const all = list(answer, 'users').sort((a, b) => Boolean(a.disabled) - Boolean(b.disabled) || a.user.localeCompare(b.user));
	const active = all.filter((one) => !one.disabled), problem = problemLine('users-problem');
	const tiles = ['admin', 'supervisor', 'coach', 'auditor'].map((role) =>
		tile({ key: `user.tile.${role}`, value: counted(active.filter((one) => one.role === role).length) }));
	return { nodes: [
		el('h1', { t: 'staff.users' }), el('p', { class: 'lead', t: 'user.lead' }), problem.node, el('div', { class: 'tiles' }, ...tiles),
		paged({ items: all, row: (one) => row(context, one, open, problem), columns: ['user.name', 'review.role', 'register.tenant', 'register.since', 'hold.stateName', 'table.act'],
			test: 'user-row', label: 'staff.users', none: 'user.empty', next: answer.next, fetchMore: pagesOf(api, '/v1/users', 'users'),
			textOf: (one) => `${one.user} ${one.role} ${one.tenant ?? ''}` }),
		el('p', { class: 'hint' }, el('span', { t: 'user.hint' }), ' ', plain('code', 'aparte user')),
	] };
}
