/* Passages of a recording: those that were erased, who asked, and the form to ask for another (R32). */
import { formatDay, formatSeconds } from '../i18n/i18n.js';
import { action, el } from '../ui/dom.js';
import { problemLine } from '../ui/problem.js';

/* "1:30" or "90" in ms; NaN for what is neither. */
export function parseTime(text) {
	const parts = text.trim().split(':').map((part) => (/^\d+$/.test(part) ? Number(part) : NaN));
	return parts.length > 3 ? NaN : parts.reduce((sum, part) => sum * 60 + part, 0) * 1000;
}

function told({ from_ms: from, to_ms: to, by, state, time }) {
	const values = { from: formatSeconds(from / 1000), to: formatSeconds(to / 1000), time: formatDay(time) };
	const words = { done: `passage.done.${by}`, failed: 'passage.failed' }[state] ?? 'passage.waits';
	return el('p', { class: 'hint', t: [words, values], test: 'passage', 'data-state': state });
}

function timeField(id, key, test) {
	const input = el('input', { type: 'text', id, required: true, pattern: '[0-9]+(:[0-9]{1,2}){0,2}', inputmode: 'numeric', placeholder: 'passage.example', test });
	return { input, node: el('div', { class: 'field' }, el('label', { for: id, t: key }), input) };
}

function form({ api, again }, recording) {
	const from = timeField(`from-${recording.id}`, 'passage.from', 'passage-from'), to = timeField(`to-${recording.id}`, 'passage.to', 'passage-to');
	const send = el('button', { type: 'submit', class: 'button', t: 'passage.erase', test: 'passage-erase' });
	const problem = problemLine('passage-problem');
	const node = el('form', { class: 'request' }, el('p', { class: 'hint', t: 'passage.lead' }), from.node, to.node, send, problem.node);
	node.addEventListener('submit', (event) => event.preventDefault());
	action(send, async () => {
		problem.clear();
		if (!node.reportValidity()) return;
		try {
			await api.post(`/v1/party/recordings/${recording.id}/passages`, { from_ms: parseTime(from.input.value), to_ms: parseTime(to.input.value) });
			await again();
		} catch (failure) {
			problem.show(failure);
		}
	});
	return el('details', { test: 'passage-ask' }, el('summary', { t: 'passage.ask' }), node);
}

export function passages(context, recording) {
	const all = recording.passages ?? [];
	const waits = all.some(({ state }) => ['ordered', 'making'].includes(state));
	return [...all.map(told), recording.watchable && !waits ? form(context, recording) : null].filter(Boolean);
}
