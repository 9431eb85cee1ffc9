/*
 * One viewing under an access: both persons side by side, the viewer's name over the pictures, notes beside them. What
 * stops it (erased, a grant revoked, frozen, an altered segment, no answer) is said in words, with what can be done.
 */
import { formatDate, formatMoment, formatSeconds, formatTime, t, tOr } from '../i18n/i18n.js';
import { passageAt } from '../player/epochs.js';
import { PairPlayer, ROLES } from '../player/pair.js';
import { el, plain } from '../ui/dom.js';
import { problemLine } from '../ui/problem.js';
import { accessOf } from './access_kept.js';
import { notes } from './notes.js';

/* What comes right by itself, or with another try. */
const PASSING = ['network', 'vault-unavailable', 'rate', 'signed-in-again'];

/* A <video> does not tell why it failed: one byte of the track does. */
async function whyFailed(api, url) {
	const { renewed } = api;
	try {
		await api.request('GET', url, { headers: { Range: 'bytes=0-0' } });
		return { name: api.renewed === renewed ? 'segment-altered' : 'signed-in-again' };
	} catch (failure) {
		return failure;
	}
}

/* How the page reads a track beside the player. */
function reader(api, url, size) {
	return {
		size,
		read: async (from, to, signal) =>
			(await api.request('GET', url, { headers: { Range: `bytes=${from}-${to - 1}` }, signal })).arrayBuffer(),
	};
}

/* What stands below the player when it stopped: why, and a way on. */
function trouble({ api, player, urls }) {
	const problem = problemLine('player-problem');
	const again = el('button', { type: 'button', class: 'button', t: 'retry', test: 'player-again', hidden: true });
	const reopen = el('a', { class: 'button', href: '#/recordings', t: 'viewing.reopen', test: 'player-reopen', hidden: true });
	const start = () => {
		problem.clear();
		again.hidden = reopen.hidden = true;
		return player.again();
	};
	again.addEventListener('click', start);
	player.addEventListener('trouble', async ({ detail }) => {
		player.pause();
		const why = await whyFailed(api, urls[detail]);
		if (why.name === 'signed-in-again') return start();
		problem.show(why);
		again.hidden = !PASSING.includes(why.name);
		reopen.hidden = why.name !== 'access-reason-required';
	});
	return el('div', { class: 'viewing-trouble' }, problem.node, again, reopen);
}

/* Each passage with when it was, and what was not kept between two. */
function passageList(player) {
	const list = el('ol', { class: 'passages' });
	player.passages.forEach(({ from, to, opened, gap }, i) => {
		const go = el('button', { type: 'button', class: 'passage-go', test: 'passage-go' },
			el('strong', { t: ['viewing.passage', { number: String(i + 1) }] }),
			plain('span', opened ? formatTime(opened) : formatSeconds(from)), plain('span', formatSeconds(to - from), { class: 'soft' }));
		go.addEventListener('click', () => {
			player.seek(from);
			player.node.focus();
		});
		if (i > 0) list.append(el('li', { class: 'gap', test: 'passage-gap' }, el('span', { t: ['viewing.gap', { time: formatSeconds(gap) }] })));
		list.append(el('li', {}, go));
	});
	const mark = () => list.querySelectorAll('.passage-go').forEach((go, i) => {
		const here = i === passageAt(player.passages, player.time);
		if (here) go.setAttribute('aria-current', 'true');
		else go.removeAttribute('aria-current');
	});
	return { list, mark };
}

function heading(recording, access) {
	const persons = ROLES.map((role) => recording[role]?.name).filter(Boolean).join(' · ');
	const why = access.purpose ? el('p', { class: 'viewing-why', test: 'viewing-why' },
		el('span', { class: 'chip', t: tOr(`purpose.${access.purpose}`, 'purpose.other') }), plain('q', access.reason),
		access.expires ? el('span', { class: 'soft', t: ['viewing.until', { time: formatTime(access.expires) }] }) : null) : null;
	return el('header', { class: 'viewing-head' }, el('a', { href: '#/recordings', class: 'back', t: 'staff.back' }),
		plain('h1', recording.reference || t('recording.one')),
		plain('p', [persons, formatDate(recording.created)].filter(Boolean).join(' — '), { class: 'lead' }), why);
}

export async function viewing({ api, me, id }) {
	const access = accessOf(id);
	if (!access) throw { name: 'access-reason-required' };
	const path = `/v1/recordings/${access.recording}`;
	const recording = await api.get(path);
	const urls = Object.fromEntries(ROLES.map((role) => [role, `${path}/tracks/${role}?access=${encodeURIComponent(id)}`]));
	const names = Object.fromEntries(ROLES.map((role) => [role, recording[role]?.name]));
	const player = new PairPlayer({ viewer: `${me.user}\n${formatMoment(new Date())}`, names });
	const stopped = trouble({ api, player, urls });
	const below = el('section', { class: 'viewing-passages', label: 'viewing.passages', hidden: true });
	player.load(urls).then(() => {
		const sizes = ROLES.filter((role) => recording.tracks?.[role]?.size);
		player.describe(recording, Object.fromEntries(sizes.map((role) => [role, reader(api, urls[role], recording.tracks[role].size)])));
		const { list, mark } = passageList(player);
		below.hidden = player.passages.length < 2;
		below.append(el('h2', { t: 'viewing.passages' }), list);
		player.addEventListener('time', mark);
		mark();
		player.node.focus();
	});
	const taking = me.role === 'sponsor' ? null : await notes({ api, recording: access.recording, access: id, player });
	return {
		nodes: [heading(recording, access), el('div', { class: 'viewing' },
			el('div', { class: 'viewing-main' }, player.node, stopped, below), taking)],
		close() {
			player.close();
			api.delete(`${path}/accesses/${id}`).catch(() => {});
		},
	};
}
