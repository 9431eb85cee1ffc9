/*
 * Both speakers may watch their recording. A <video> cannot send a bearer token, so the tracks are fetched in
 * ranges into blobs, which seek well and vanish with the page; nothing is offered for keeping.
 */
import { PairPlayer, ROLES } from '../player/pair.js';
import { el, replace, say } from '../ui/dom.js';
import { problemLine } from '../ui/problem.js';

const PIECE = 4 * 1024 * 1024;

/* One track as a blob; `progress(share)` as it comes. */
export async function fetchTrack(api, path, progress, signal) {
	const parts = [];
	for (let at = 0, size = Infinity; at < size; ) {
		const headers = { Range: `bytes=${at}-${at + PIECE - 1}` };
		const response = await api.request('GET', path, { headers, signal });
		const part = await response.blob();
		parts.push(part);
		at += part.size;
		size = response.status === 206 ? Number(response.headers.get('Content-Range').split('/')[1]) : at;
		if (part.size === 0) break;
		progress(at / size);
	}
	return new Blob(parts, { type: 'video/webm' });
}

/* Opens the recording over the page; closes with Escape or its button. */
export async function watch({ api, recording, viewer, names }) {
	const stop = new AbortController();
	const problem = problemLine('watch-problem');
	const bar = el('progress', { max: '1', value: '0', label: 'watch.loading' });
	const body = el('div', { class: 'watch-body' }, bar);
	const close = el('button', { type: 'button', class: 'button', t: 'close', test: 'watch-close' });
	const dialog = el('dialog', { class: 'watch', label: 'watch.title', test: 'watch' },
		el('header', {}, say(el('h2', {}), 'watch.title'), close), body, problem.node);
	const player = new PairPlayer({ viewer, names });
	const urls = {};
	close.addEventListener('click', () => dialog.close());
	dialog.addEventListener('close', () => {
		stop.abort();
		player.close();
		Object.values(urls).forEach((url) => URL.revokeObjectURL(url));
		dialog.remove();
	});
	document.body.append(dialog);
	dialog.showModal();
	try {
		const shares = { coach: 0, coachee: 0 };
		await Promise.all(ROLES.map(async (role) => {
			const progress = (share) => {
				shares[role] = share;
				bar.value = (shares.coach + shares.coachee) / 2;
			};
			urls[role] = URL.createObjectURL(
				await fetchTrack(api, `/v1/party/recordings/${recording.id}/tracks/${role}`, progress, stop.signal));
		}));
		replace(body, player.node);
		await player.load(urls);
		player.node.focus();
	} catch (failure) {
		if (failure.name === 'AbortError') return;
		bar.remove();
		problem.show(failure);
	}
}
