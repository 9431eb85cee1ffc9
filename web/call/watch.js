/* Both speakers may watch their recording, together and in step; nothing is offered for keeping. */
import { PairPlayer, ROLES } from '../player/pair.js';
import { el, replace } from '../ui/dom.js';
import { drawn } from '../ui/icons.js';
import { problemLine } from '../ui/problem.js';
import { ask, streaming, wholeTrack } from './track_source.js';

const STYLE = '/web/style/player.css';

function styled() {
	if (!document.querySelector(`link[href="${STYLE}"]`)) document.head.append(el('link', { rel: 'stylesheet', href: STYLE }));
}

const path = (recording, role) => `/v1/party/recordings/${recording.id}/tracks/${role}`;

/* Addresses for both tracks, as they come or whole. {sources, end} */
async function sourcesOf(api, recording, progress, signal) {
	await Promise.all(ROLES.map((role) => ask(api, path(recording, role), signal)));
	const stop = await streaming(api);
	if (stop) return { sources: Object.fromEntries(ROLES.map((role) => [role, path(recording, role)])), end: stop };
	const shares = { coach: 0, coachee: 0 };
	const sources = Object.fromEntries(await Promise.all(ROLES.map(async (role) => {
		const blob = await wholeTrack(api, path(recording, role), (share) => {
			shares[role] = share;
			progress((shares.coach + shares.coachee) / 2);
		}, signal);
		return [role, URL.createObjectURL(blob)];
	})));
	return { sources, end: () => Object.values(sources).forEach((url) => URL.revokeObjectURL(url)) };
}

/* Opens the recording over the page; closes with Escape or its button. */
export async function watch({ api, recording, viewer, names, closed = () => {} }) {
	styled();
	const stop = new AbortController();
	const problem = problemLine('watch-problem');
	const bar = el('progress', { max: '1', label: 'watch.loading' });
	const body = el('div', { class: 'watch-body' }, bar);
	const close = el('button', { type: 'button', class: 'small', label: 'close', hint: 'close', test: 'watch-close' }, drawn('close'));
	const dialog = el('dialog', { class: 'watch', label: 'watch.title', test: 'watch' },
		el('header', {}, el('h2', { t: 'watch.title' }), close), body, problem.node);
	const player = new PairPlayer({ viewer, names });
	let end = () => {};
	/* It was withdrawn, erased or frozen meanwhile, or the network went: the server says which. */
	player.addEventListener('trouble', ({ detail }) => {
		player.pause();
		ask(api, path(recording, detail), stop.signal).catch((failure) => failure.name === 'AbortError' || problem.show(failure));
	});
	close.addEventListener('click', () => dialog.close());
	dialog.addEventListener('close', () => {
		stop.abort();
		player.close();
		end();
		dialog.remove();
		closed(); /* this viewing is in the list of who watched */
	});
	document.body.append(dialog);
	dialog.showModal();
	try {
		const made = await sourcesOf(api, recording, (share) => (bar.value = share), stop.signal);
		end = made.end;
		if (!dialog.isConnected) return end();
		replace(body, player.node);
		await player.load(made.sources);
		player.node.focus();
	} catch (failure) {
		if (failure.name === 'AbortError') return;
		bar.remove();
		problem.show(failure);
	}
}
