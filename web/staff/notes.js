/* One's own notes on a recording, each at its time; sealed with the recording and erased with it. */
import { formatSeconds } from '../i18n/i18n.js';
import { list } from '../ui/api.js';
import { action, el, plain, replace } from '../ui/dom.js';
import { problemLine } from '../ui/problem.js';

/* `player` is asked for the time a note is taken at, and moved to a note's. */
export async function notes({ api, recording, access, player }) {
	const path = (rest = '') => `/v1/recordings/${recording}/notes${rest}?access=${encodeURIComponent(access)}`;
	const problem = problemLine('notes-problem');
	const items = el('ul', { class: 'items' });
	const text = el('textarea', { rows: '2', maxlength: '2000', required: true, label: 'note.text', placeholder: 'note.text', test: 'note-text' });
	const add = el('button', { type: 'submit', class: 'button', t: 'note.add', test: 'note-add' });
	const form = el('form', { class: 'note-new' }, text, add);

	function item(note) {
		const at = plain('button', formatSeconds(note.at_ms / 1000), { type: 'button', class: 'small', hint: 'note.go', test: 'note-go' });
		at.addEventListener('click', () => player.seek(note.at_ms / 1000));
		const drop = el('button', { type: 'button', class: 'small', t: 'note.drop', test: 'note-drop' });
		action(drop, () => api.delete(path(`/${note.id}`)).then(draw, problem.show));
		return el('li', { class: 'item', test: 'note' }, at, plain('p', note.text, { class: 'item-words' }), drop);
	}

	async function draw() {
		const all = list(await api.get(path()), 'notes');
		replace(items, ...all.map(item));
	}

	form.addEventListener('submit', (event) => event.preventDefault());
	action(add, async () => {
		problem.clear();
		if (!form.reportValidity()) return;
		try {
			await api.post(path(), { at_ms: Math.floor(player.time * 1000), text: text.value.trim() });
			text.value = '';
			await draw();
		} catch (failure) {
			problem.show(failure);
		}
	});
	await draw().catch(problem.show);
	return el('section', { class: 'notes', label: 'note.title' }, el('h2', { t: 'note.title' }), el('p', { class: 'hint', t: 'note.lead' }),
		form, problem.node, items);
}
