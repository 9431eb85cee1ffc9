/* The language switch: one button per language, each named in itself. */
import { chooseLanguage, currentLanguage, languages, onLanguage } from '../i18n/i18n.js';
import { el } from './dom.js';

export function languageSwitch() {
	const buttons = languages.map((code) =>
		el('button', { type: 'button', class: 'language', lang: code, test: `language-${code}`, t: `language.${code}`,
			on: { click: () => chooseLanguage(code) } }));
	const mark = () =>
		buttons.forEach((button) => button.setAttribute('aria-pressed', String(button.lang === currentLanguage())));
	onLanguage(mark);
	mark();
	return el('div', { class: 'languages', role: 'group', label: 'language.choose' }, ...buttons);
}
