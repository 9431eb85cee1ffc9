/* The notice in full: who answers for it, who receives what, one's rights, and the hash that a statement names. */
import { el, plain, replace } from '../ui/dom.js';

function words(value) {
	if (value === null || value === undefined) return '';
	if (Array.isArray(value)) return value.map(words).filter(Boolean).join('; ');
	if (typeof value === 'object') return Object.values(value).map(words).filter(Boolean).join(', ');
	return String(value);
}

function entry(key, value) {
	const text = words(value);
	if (!text) return [];
	return [el('dt', { t: key }), plain('dd', text)];
}

export function noticeDetails(notice) {
	const text = el('div', { class: 'notice-text', test: 'notice-text', lang: notice.lang, role: 'group', label: 'notice.text', tabindex: '0' });
	replace(text, ...String(notice.text).split(/\n{2,}/).map((paragraph) => plain('p', paragraph)));
	const hash = plain('code', notice.sha256, { class: 'hash', test: 'notice-hash' });
	const facts = el('dl', { class: 'facts' },
		...entry('notice.controller', notice.controller),
		...entry('notice.dpo', notice.dpo),
		...entry('notice.recipients', notice.recipients),
		...entry('notice.rights', notice.rights),
		...entry('notice.complaint', notice.complaint),
		...entry('notice.version', notice.version),
		el('dt', { t: 'notice.hash' }), el('dd', {}, hash));
	return el('div', { class: 'notice' }, text, el('details', {}, el('summary', { t: 'notice.more' }), facts));
}
