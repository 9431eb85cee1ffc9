/*
 * The log, verified in the page: that it is the one this browser knows, that it only grew, that witnesses saw the same; and any receipt
 * or certificate dropped here, against it.
 */
import { formatDate } from '../i18n/i18n.js';
import { action, el, plain, replace } from '../ui/dom.js';
import { staffIcon } from './icons_staff.js';
import { checkFile, checkLog, forgetSeen, verdictOf } from './ledger_check.js';
import { stepsList } from './ledger_steps.js';
import { counted } from './pager.js';
import { empty, partFailure, skeleton } from './states.js';
import { table } from './table.js';

const LEAVES = { 1: 'consent', 2: 'opened', 3: 'closed', 4: 'sealed', 5: 'access', 6: 'accessEnd', 7: 'grant', 8: 'policy', 9: 'request', 10: 'ordered', 11: 'erased', 12: 'hold', 13: 'turnover',
	14: 'lockdown', 15: 'continued' };
const FILE_MAX = 262_144;

function verdict(log) {
	const said = verdictOf(log);
	return el('div', { class: 'verdict-card', 'data-good': String(log.good), 'data-verdict': said, test: 'ledger-verdict', 'data-size': log.now ? String(log.now.size) : undefined },
		staffIcon(said === 'holds' ? 'approvals' : 'warn'), el('div', {}, el('p', { class: 'verdict-title', t: `ledger.${said}` }),
			el('p', { t: log.good ? [log.first ? 'ledger.firstHint' : 'ledger.holdsHint', { size: counted(log.now.size) }] : 'ledger.failsHint' })));
}

/* Whoever was told that a log is another one may decide that they know why: never without being asked. */
function forget(log, again) {
	if (log.good || log.steps.at(-1)?.name !== 'continues') return null;
	return el('div', { class: 'row' }, el('button', { type: 'button', class: 'small', t: 'ledger.forget', test: 'ledger-forget', on: { click: () => {
		forgetSeen(log.origin);
		again();
	} } }), el('span', { class: 'hint', t: 'ledger.forgetHint' }));
}

function witnesses(log) {
	if (!log.witnesses.length) return empty('state.noWitnesses', { hint: 'ledger.witnessesHint', icon: 'dash' });
	const rows = log.witnesses.map((one) => [
		plain('strong', one.name), plain('span', counted(one.size)),
		one.signed ? el('span', { class: 'state state-good', t: 'ledger.cosigned' }) : el('span', { class: 'state', t: 'ledger.notCosigned' }),
		plain('span', formatDate(one.signed || one.at)),
	]);
	return table(['state.witness', 'state.size', 'ledger.thisCheckpoint', 'ledger.lastCosignature'], rows, 'ledger-witness', 'state.witnesses');
}

function aboutLeaf({ proof, body }) {
	const at = body?.time ?? body?.erased_at ?? body?.unrecoverable_at;
	const pairs = [['ledger.leafType', el('span', { t: `ledger.leaf.${LEAVES[proof.type] ?? 'other'}` })], ['ledger.leafIndex', plain('span', counted(proof.leaf_index))],
		at && !Number.isNaN(Date.parse(at)) ? ['ledger.leafTime', plain('span', formatDate(at))] : null].filter(Boolean);
	return el('dl', { class: 'facts' }, ...pairs.flatMap(([key, value]) => [el('dt', { t: key }), el('dd', {}, value)]));
}

function fileResult(name, result) {
	return el('li', { class: 'card stack file', test: 'ledger-file', 'data-good': String(result.good) },
		el('div', { class: 'row between' }, plain('h3', name), el('span', { class: result.good ? 'state state-good' : 'state state-bad', t: result.good ? 'ledger.fileGood' : 'ledger.fileBad' })),
		stepsList(result.steps), result.body ? aboutLeaf(result) : null,
		result.body ? el('details', {}, el('summary', { t: 'ledger.body' }), plain('pre', JSON.stringify(result.body, null, 2), { class: 'certificate-body', tabindex: '0', 'aria-label': name })) : null);
}

/* Files from the chooser or dropped; they stay in this browser. */
function dropPlace(check) {
	const input = el('input', { type: 'file', id: 'ledger-input', class: 'unseen', accept: '.json,application/json', multiple: true, test: 'ledger-input' });
	const place = el('label', { class: 'drop', for: 'ledger-input', test: 'ledger-drop' }, staffIcon('file'), el('strong', { t: 'ledger.drop' }), el('span', { class: 'hint', t: 'ledger.dropHint' }));
	input.addEventListener('change', () => {
		check([...input.files]);
		input.value = '';
	});
	const over = (on) => (event) => {
		event.preventDefault();
		place.classList.toggle('over', on);
	};
	place.addEventListener('dragover', over(true));
	place.addEventListener('dragleave', over(false));
	place.addEventListener('drop', (event) => {
		over(false)(event);
		check([...event.dataTransfer.files]);
	});
	return el('div', { class: 'drop-place' }, input, place);
}

export async function ledger({ api }) {
	const shown = el('div', { class: 'stack', 'aria-live': 'polite', test: 'ledger-shown' }), seen = el('div', { class: 'stack' });
	const files = el('ul', { class: 'files', 'aria-live': 'polite' });
	const again = el('button', { type: 'button', class: 'button primary', t: 'ledger.verify', test: 'ledger-verify' });
	let log = null;
	const run = async () => {
		replace(shown, skeleton(4));
		try {
			log = await checkLog(api);
			replace(shown, verdict(log), stepsList(log.steps), forget(log, run));
			replace(seen, witnesses(log));
		} catch (error) {
			replace(shown, partFailure(error, run));
			replace(seen);
		}
	};
	const check = async (chosen) => {
		for (const file of chosen) {
			const text = file.size > FILE_MAX ? '' : await file.text();
			log ??= await checkLog(api).catch(() => null);
			const result = log ? await checkFile(api, text, log).catch((error) => ({ error })) : { error: { name: 'network' } };
			files.prepend(result.error ? el('li', { class: 'card' }, plain('h3', file.name), partFailure(result.error)) : fileResult(file.name, result));
		}
	};
	action(again, run);
	await run();
	return { nodes: [
		el('div', { class: 'row between head' }, el('h1', { t: 'staff.ledger' }), again),
		el('p', { class: 'lead', t: 'ledger.lead' }), el('section', { class: 'card stack' }, el('h2', { t: 'ledger.title' }), shown),
		el('section', { class: 'card stack' }, el('h2', { t: 'ledger.filesTitle' }), dropPlace(check), files),
		el('section', { class: 'card stack' }, el('h2', { t: 'state.witnesses' }), seen),
		el('p', { class: 'hint' }, el('span', { t: 'ledger.outside' }), ' ', plain('code', 'aparte ledger verify')),
	] };
}
