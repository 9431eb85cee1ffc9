/*
 * Making elements. Words come only by catalogue key (`t`, `label`, `hint`), so that a change of language can put
 * them again; HTML text is never parsed.
 */
import { t } from '../i18n/i18n.js';

const SVG = 'http://www.w3.org/2000/svg';

/* Gives a node words that follow the language: its text, or one of its attributes. */
export function say(node, key, values) {
	node.dataset.t = key;
	if (values) node.dataset.tValues = JSON.stringify(values);
	else delete node.dataset.tValues;
	node.textContent = t(key, values);
	return node;
}

export function sayAttribute(node, attribute, key, values) {
	const held = JSON.parse(node.dataset.tAttributes ?? '{}');
	held[attribute] = [key, values];
	node.dataset.tAttributes = JSON.stringify(held);
	node.setAttribute(attribute, t(key, values));
	return node;
}

/* Puts every word under `root` again, in the language of now. */
export function translate(root) {
	for (const node of root.querySelectorAll('[data-t]'))
		node.textContent = t(node.dataset.t, JSON.parse(node.dataset.tValues ?? 'null') ?? undefined);
	for (const node of root.querySelectorAll('[data-t-attributes]'))
		for (const [attribute, [key, values]] of Object.entries(JSON.parse(node.dataset.tAttributes)))
			node.setAttribute(attribute, t(key, values ?? undefined));
}

const special = {
	t: (node, key) => (Array.isArray(key) ? say(node, ...key) : say(node, key)),
	label: (node, key) => sayAttribute(node, 'aria-label', key),
	hint: (node, key) => sayAttribute(node, 'title', key),
	placeholder: (node, key) => sayAttribute(node, 'placeholder', key),
	id: (node, id) => (node.id = id),
	test: (node, id) => (node.dataset.testid = id),
	on: (node, handlers) => {
		for (const [event, handler] of Object.entries(handlers)) node.addEventListener(event, handler);
	},
};

/* el('button', { t: 'call.leave', class: 'button', on: { click } }, children…) */
export function el(tag, attributes = {}, ...children) {
	const node = document.createElement(tag);
	for (const [name, value] of Object.entries(attributes)) {
		if (value === undefined || value === null || value === false) continue;
		if (special[name]) special[name](node, value);
		else node.setAttribute(name, value === true ? '' : value);
	}
	node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
	return node;
}

/* An element whose text is not from a catalogue: names, dates, what a person wrote. */
export function plain(tag, text, attributes = {}) {
	const node = el(tag, attributes);
	node.textContent = text ?? '';
	return node;
}

/* A 24-unit icon drawn with strokes; it says nothing to a screen reader, its button does. */
export function icon(...paths) {
	const svg = document.createElementNS(SVG, 'svg');
	for (const [name, value] of Object.entries({ viewBox: '0 0 24 24', class: 'icon', 'aria-hidden': 'true' }))
		svg.setAttribute(name, value);
	for (const d of paths) {
		const path = document.createElementNS(SVG, 'path');
		path.setAttribute('d', d);
		svg.append(path);
	}
	return svg;
}

export function replace(parent, ...children) {
	parent.replaceChildren(...children.filter((child) => child !== null && child !== undefined && child !== false));
	return parent;
}

/* Runs an asynchronous action from a button: busy while it runs, never twice at once. */
export function action(button, run) {
	button.addEventListener('click', async (event) => {
		if (button.getAttribute('aria-busy') === 'true') return;
		button.setAttribute('aria-busy', 'true');
		try {
			await run(event);
		} finally {
			button.removeAttribute('aria-busy');
		}
	});
	return button;
}
