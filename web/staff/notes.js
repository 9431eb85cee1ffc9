/* One's own notes on a recording, each at its time; sealed with the recording and erased with it. */
import { formatSeconds } from '../i18n/i18n.js';
import { list } from '../ui/api.js';
import { action, el, plain, replace, say } from '../ui/dom.js';
import { problemLine } from '../ui/problem.js';

/* A note belongs to the moment when one began to write it, not to when one was done. */
function composer(player) {
	const text = el('textarea', { id: 'note-text', rows: '3', maxlength: '2000', required: true, test: 'note-text', 'aria-keyshortcuts': 'n' });
	const at = el('span', { class: 'note-at', test: 'note-at' });
	const label = el('label', { for: 'note-text' }, el('span', { t: 'note.text' }), ' ', at);
	let held = null;
	const time = () => held ?? player.time;
	const show = () => (at.textContent = formatSeconds(time()));
	text.addEventListener('input', () => {
		held = text.value === '' ? null : (held ?? player.time);
		show();
	});
	const clear = () => {
		text.value = '';
		held = null;
	};
	show();
	player.addEventListener('time', show);
	return { text, label, time, clear };
}

/* `player` is asked for the time a note is taken at, moved to a note's, and shows them as flags. */
export async function notes({ api, recording, access, player }) {
	const path = (rest = '') => `/v1/recordings/${recording}/notes${rest}?access=${encodeURIComponent(access)}`;
	const problem = problemLine('notes-problem');
	const items = el('ol', { class: 'note-list' });
	const count = el('p', { class: 'hint', role: 'status' });
	const { text, label, time, clear } = composer(player);
	const add = el('button', { type: 'submit', class: 'button primary', t: 'note.add', test: 'note-add' });
	const form = el('form', { class: 'note-new' }, label, text, add);

	function item(note) {
		const at = plain('button', formatSeconds(note.at_ms / 1000), { type: 'button', class: 'small note-go', hint: 'note.go', test: 'note-go' });
		at.addEventListener('click', () => player.seek(note.at_ms / 1000));
		const drop = el('button', { type: 'button', class: 'small quiet', t: 'note.drop', test: 'note-drop' });
		action(drop, () => api.delete(path(`/${note.id}`)).then(draw, problem.show));
		return el('li', { class: 'note', test: 'note', 'data-id': note.id, tabindex: '-1' }, at, plain('p', note.text), drop);
	}

	async function draw() {
		const all = list(await api.get(path()), 'notes').sort((a, b) => a.at_ms - b.at_ms);
		replace(items, ...all.map(item));
		say(count, all.length ? 'note.count' : 'note.none', { count: String(all.length) });
		player.flags(all.map(({ id, at_ms: ms, text: words }) => ({ id, at: ms / 1000, text: words })));
	}

	form.addEventListener('submit', (event) => event.preventDefault());
	action(add, async () => {
		problem.clear();
		if (!form.reportValidity()) return;
		try {
			await api.post(path(), { at_ms: Math.floor(time() * 1000), text: text.value.trim() });
			clear();
			await draw();
		} catch (failure) {
			problem.show(failure);
		}
	});
	text.addEventListener('keydown', (event) => {
		if (event.key === 'Escape') player.node.focus();
		else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) add.click();
	});
	player.addEventListener('note', () => text.focus());
	player.addEventListener('mark', ({ detail }) => {
		for (const one of items.children) one.classList.toggle('chosen', one.dataset.id === detail);
		items.querySelector('.chosen')?.scrollIntoView({ block: 'nearest' });
	});
	await draw().catch(problem.show);
	return el('aside', { class: 'notes', label: 'note.title' }, el('h2', { t: 'note.title' }), form, problem.node, count, items,
		el('p', { class: 'hint', t: 'note.lead' }));
}
