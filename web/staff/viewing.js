/*
 * One viewing under an access: both persons side by side, the viewer's name over the pictures. What stops it (erased,
 * a grant revoked, frozen, an altered segment) is said in words.
 */
import { formatDate, t } from '../i18n/i18n.js';
import { PairPlayer, ROLES } from '../player/pair.js';
import { el, plain } from '../ui/dom.js';
import { problemLine } from '../ui/problem.js';
import { notes } from './notes.js';

/* A <video> does not tell why it failed: one byte of the track does. */
async function whyFailed(api, url) {
	try {
		await api.request('GET', url, { headers: { Range: 'bytes=0-0' } });
		return { name: 'segment-altered' };
	} catch (failure) {
		return failure;
	}
}

function epochMarks(recording) {
	const epochs = recording.epochs ?? [];
	if (epochs.length < 2) return null;
	return el('p', { class: 'epochs', t: ['player.epochs', { count: epochs.length }] });
}

export async function viewing({ api, me, id }) {
	const recordingId = sessionStorage.getItem(`aparte/access/${id}`);
	if (!recordingId) throw { name: 'access-reason-required' };
	const recording = await api.get(`/v1/recordings/${recordingId}`);
	const urls = Object.fromEntries(ROLES.map((role) => [role, `/v1/recordings/${recordingId}/tracks/${role}?access=${encodeURIComponent(id)}`]));
	const player = new PairPlayer({ viewer: me.user });
	const problem = problemLine('player-problem');
	player.addEventListener('trouble', async ({ detail }) => problem.show(await whyFailed(api, urls[detail])));
	player.load(urls).then(() => player.node.focus());
	const title = recording.reference || t('recording.one');
	const back = el('a', { href: '#/recordings', class: 'back', t: 'staff.back' });
	const end = () => api.delete(`/v1/recordings/${recordingId}/accesses/${id}`).catch(() => {});
	const taking = me.role === 'sponsor' ? null : await notes({ api, recording: recordingId, access: id, player });
	return {
		nodes: [back, plain('h1', title), plain('p', formatDate(recording.created), { class: 'lead' }), epochMarks(recording),
			player.node, problem.node, el('p', { class: 'hint', t: 'player.keys' }), taking],
		close() {
			player.close();
			end();
		},
	};
}
