/* Catalogues: none lacks a key, no key is unused or unknown, and no page or module has words of its own. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { en } from '../../web/i18n/en.js';
import { fr } from '../../web/i18n/fr.js';

const WEB = fileURLToPath(new URL('../../web/', import.meta.url));

/* What a platform writes with the sdk is its own page: an example of one keeps to no rule of ours. */
function files(folder, ending) {
	return readdirSync(folder, { withFileTypes: true }).filter((entry) => !join(folder, entry.name).endsWith('sdk/example')).flatMap((entry) =>
		entry.isDirectory() ? files(join(folder, entry.name), ending) : entry.name.endsWith(ending) ? [join(folder, entry.name)] : []);
}

const scripts = files(WEB, '.js').filter((path) => !/i18n\/(fr|en)(_\w+)?\.js$/.test(path));
const sources = scripts.map((path) => readFileSync(path, 'utf8')).join('\n');

test('both catalogues have the same keys, each with words', () => {
	assert.deepEqual(Object.keys(fr).sort(), Object.keys(en).sort());
	for (const catalogue of [fr, en]) for (const [key, text] of Object.entries(catalogue)) assert.ok(text.trim(), key);
});

test('the same values are named in both languages', () => {
	const names = (text) => (text.match(/\{\w+\}/g) ?? []).sort();
	for (const key of Object.keys(fr)) assert.deepEqual(names(fr[key]), names(en[key]), key);
});

test('each literal key that the modules use exists', () => {
	const patterns = [/\b(?:t|label|hint|title|lead|placeholder): '([\w.-]+)'/g, /\bt\('([\w.-]+)'/g, /\bt: \['([\w.-]+)'/g,
		/say\([^,]+, '([\w.-]+)'/g, /labelledField\('[^']+', '([\w.-]+)'/g];
	const used = new Set(patterns.flatMap((pattern) => [...sources.matchAll(pattern)].map(([, key]) => key)));
	assert.ok(used.size > 60);
	assert.deepEqual([...used].filter((key) => !(key in fr)), []);
});

test('no key is left over', () => {
	const built = [...sources.matchAll(/`([\w.]+\.)\$\{/g)].map(([, prefix]) => prefix);
	const unused = Object.keys(fr).filter((key) =>
		!sources.includes(`'${key}'`) && !built.some((prefix) => key.startsWith(prefix)) && !key.endsWith('.name'));
	assert.deepEqual(unused, []);
});

test('pages have no words, no inline script and no inline style', () => {
	for (const path of files(WEB, '.html')) {
		const html = readFileSync(path, 'utf8').replace(/<title>Aparté<\/title>/, '');
		assert.doesNotMatch(html, />[^<>]*\p{L}{2,}[^<>]*</u, path);
		assert.doesNotMatch(html, /<style|style=|<script(?![^>]*src=)|\son\w+=/, path);
	}
});

test('modules have no sentences, no HTML text and no other origin', () => {
	for (const path of scripts) {
		const code = readFileSync(path, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/ .*$/gm, '');
		assert.doesNotMatch(code, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(/, path);
		assert.doesNotMatch(code.replace('http://www.w3.org/2000/svg', ''), /https?:\/\//, path);
		assert.doesNotMatch(code, /textContent = '[^']/, path);
		if (!/throw|Error/.test(code)) assert.doesNotMatch(code, /'[A-Z]\p{L}+ \p{L}+ \p{L}+/u, path);
	}
});

test('each file keeps to 300 lines', () => {
	for (const path of [...files(WEB, '.js'), ...files(WEB, '.html')])
		assert.ok(readFileSync(path, 'utf8').split('\n').length <= 301, path);
});

/* The modules that a module loads: those it names at its top, or all, with what it loads later. */
function loads(start, later) {
	const seen = new Set();
	const follow = (path) => {
		if (seen.has(path)) return;
		seen.add(path);
		const code = readFileSync(join(WEB, path), 'utf8');
		const named = [...code.matchAll(/^(?:import|export)\b\s*(?:[^;']*?from )?'([^']+)'/gm), ...(later ? code.matchAll(/\bimport\('([^']+)'\)/g) : [])];
		for (const [, to] of named) follow(join(dirname(path), to));
	};
	follow(start);
	return seen;
}

test('the first page asks for all its modules at once, and for no other', () => {
	const html = readFileSync(join(WEB, 'join.html'), 'utf8');
	const asked = [...html.matchAll(/(?:modulepreload" href|type="module" src)="\/web\/([^"]+)"/g)].map(([, path]) => path);
	assert.deepEqual(asked.sort(), [...loads('call/main.js', false)].sort());
});

test('a person’s page has every word that its modules use, and not the staff’s', async () => {
	const own = { ...(await import('../../web/i18n/fr_common.js')).frCommon, ...(await import('../../web/i18n/fr_call.js')).frCall,
		...(await import('../../web/i18n/fr_rights.js')).frRights };
	const mine = [...loads('call/main.js', true)].filter((path) => !path.startsWith('i18n/'));
	assert.ok(mine.includes('call/call.js') && mine.includes('call/watch.js'));
	assert.ok(!Object.keys(own).some((key) => key.startsWith('login.')));
	const code = mine.map((path) => readFileSync(join(WEB, path), 'utf8')).join('\n');
	const words = mine.filter((path) => /words\.js$/.test(path)).length > 0; /* the player brings its own */
	const quoted = new Set([...code.matchAll(/'([a-z]\w*(?:\.[\w-]+)+)'/g)].map(([, key]) => key).filter((key) => key in fr));
	assert.deepEqual([...quoted].filter((key) => !(key in own) && !(words && key.startsWith('player.'))), []);
	const built = new Set([...code.matchAll(/`(\w+\.)\$\{/g)].map(([, prefix]) => prefix));
	for (const prefix of built) assert.ok(Object.keys(own).some((key) => key.startsWith(prefix)), prefix);
});
