/* The call: pictures, controls, the state of recording, the panel for decisions. Lives until it is left or ends. */
import { el, say } from '../ui/dom.js';
import { drawn } from '../ui/icons.js';
import { problemLine } from '../ui/problem.js';
import { consentPanel } from './consent_panel.js';
import { controls } from './controls.js';
import { gateView } from './gate_view.js';
import { lostView } from './lost.js';
import { Media } from './media.js';
import { PeerState } from './peer_state.js';
import { Presence } from './presence.js';
import { watchQuality } from './quality.js';
import { Stage } from './stage.js';

/* The panel beside the pictures (under them on a phone); closed it leaves the tab order, and the focus goes to what opens it. */
function sidePanel(content) {
	const close = el('button', { type: 'button', class: 'control small', label: 'close', hint: 'close', test: 'close-panel' }, drawn('close'));
	const node = el('aside', { class: 'side', id: 'call-panel', label: 'call.panel' }, close, content);
	let opener;
	const set = (open) => {
		node.hidden = !open;
		opener.setAttribute('aria-expanded', String(open));
		if (open) node.querySelector('h2')?.scrollIntoView({ block: 'start' });
	};
	close.addEventListener('click', () => {
		set(false);
		opener.focus();
	});
	const openedBy = (button) => {
		opener = button;
		button.setAttribute('aria-controls', node.id);
	};
	return { node, set, openedBy, toggle: () => set(node.hidden) };
}

function connectionLine(media) {
	const words = el('span', {});
	const node = el('p', { class: 'connection', role: 'status', test: 'connection' }, drawn('signal'), words);
	const show = () => {
		node.dataset.state = media.state;
		say(words, `connection.${media.state}`);
	};
	media.addEventListener('state', show);
	show();
	const stop = watchQuality(media, (quality) => {
		node.dataset.quality = quality;
		if (media.state === 'connected') say(words, `quality.${quality}`);
	});
	return { node, stop };
}

/* Replaced by another tab or device: this one stays out until the person takes the call back. */
function replacedNotice(back) {
	const take = el('button', { type: 'button', class: 'button primary', t: 'call.takeBack', test: 'take-back' });
	const node = el('div', { class: 'over', role: 'alertdialog', label: 'call.replaced', hidden: true },
		el('p', { t: 'call.replaced' }), take);
	const cover = (on) => {
		node.hidden = !on;
		for (const other of node.parentElement.children) if (other !== node) other.inert = on;
		if (on) take.focus();
	};
	take.addEventListener('click', () => {
		cover(false);
		back();
	});
	return { node, cover };
}

function wireMedia(media, devices, stage) {
	media.addEventListener('tracks', () => stage.attach(media));
	devices.addEventListener('track', ({ detail }) => {
		media.send(detail.kind === 'audio' ? 0 : 1, detail.track);
		stage.showSelf();
	});
	media.send(0, devices.track('audio'));
	media.send(1, devices.track('video'));
	stage.showSelf();
}

/* Shows the call in `root`; resolves with why it ended: "left" or what the gateway says. */
export async function call(root, { api, session, device, devices, consents, language }) {
	const problem = problemLine('call-problem');
	const media = new Media(api);
	const state = new PeerState(api, session);
	const stage = new Stage(session, state, devices);
	const panel = consentPanel(session, consents);
	const side = sidePanel(panel.node);
	const gate = gateView(api, session, async (event) => {
		await panel.withdrawRecording(event);
		if (panel.hasProblem) side.set(true); /* what went wrong with it is never out of sight */
	}, problem);
	const line = connectionLine(media);
	const presence = new Presence(api, session, device, consents);
	const over = replacedNotice(() => media.resume());
	const lost = lostView(media, session);
	stage.node.append(lost.node);
	let finish;
	const ended = new Promise((resolve) => (finish = resolve));
	const bar = controls({ devices, media, state, stage, problem, page: () => page, togglePanel: () => side.toggle(), leave: async () => finish('left') });
	side.openedBy(bar.consent);
	const page = el('main', { class: 'call' },
		el('div', { class: 'call-top' }, el('h1', { class: 'brand', t: 'brand' }), gate.node, language),
		el('div', { class: 'call-middle' }, stage.node, side.node),
		el('div', { class: 'call-bottom' }, line.node, bar.node, bar.consent), problem.node, gate.announcement, over.node);
	root.replaceChildren(page);
	wireMedia(media, devices, stage);
	media.addEventListener('state', () => {
		session.setCut(['reconnecting', 'failed'].includes(media.state));
		if (media.state === 'failed') problem.show(media.failure);
	});
	session.addEventListener('online', () => media.verify());
	session.addEventListener('end', ({ detail }) => {
		if (detail?.reason !== 'replaced') return finish(detail?.reason ?? 'ended');
		media.stop(false);
		over.cover(true);
	});
	window.addEventListener('pagehide', () => devices.stop());
	session.addEventListener('refused', ({ detail }) => finish(detail?.name ?? 'ended'));
	side.set(panel.undecided);
	panel.load();
	await media.start();
	const why = await ended;
	line.stop();
	lost.stop();
	gate.stop();
	stage.stop();
	bar.stop();
	presence.stop();
	media.stop(why === 'left');
	devices.stop();
	return why;
}
