/* A recording chosen for a form: what one types is searched by the server, the list below shows what it found. */
import { formatDate } from '../i18n/i18n.js';
import { list } from '../ui/api.js';
import { el, plain, replace } from '../ui/dom.js';
import { labelledField } from './dialog.js';

const SHOWN = 50, PATIENCE_MS = 250;

const nameOf = (one) => `${one.reference || one.id.slice(0, 8)} · ${formatDate(one.created)}`;

/* `first`: those known already. {node, value()} */
export function recordingChoice(api, id, key, first) {
	const select = el('select', { required: true, test: id });
	const words = el('input', { type: 'search', label: 'choice.search', placeholder: 'choice.search', test: `${id}-search` });
	const none = el('p', { class: 'hint', role: 'status', t: 'choice.none', hidden: true });
	const fill = (all) => {
		const living = all.filter(({ state }) => state !== 'erased').slice(0, SHOWN);
		replace(select, ...living.map((one) => plain('option', nameOf(one), { value: one.id })));
		none.hidden = living.length > 0;
	};
	let wait = 0, turn = 0;
	words.addEventListener('input', () => {
		clearTimeout(wait);
		wait = setTimeout(async () => {
			const mine = ++turn, q = words.value.trim();
			const answer = await api.get(`/v1/recordings?limit=${SHOWN}${q ? `&q=${encodeURIComponent(q)}` : ''}`).catch(() => null);
			if (answer && mine === turn) fill(list(answer, 'recordings'));
		}, PATIENCE_MS);
	});
	fill(first);
	return { node: el('div', { class: 'stack tight' }, labelledField(id, key, select), words, none), value: () => select.value };
}
