/*
 * JSON Canonicalization Scheme (RFC 8785). ECMAScript's own number and string forms are the ones the RFC names, and
 * Array.sort orders by UTF-16 code units as it asks; what is left is member order and what may not appear.
 */

function lone(text) {
	return /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/.test(text);
}

function primitive(value) {
	if (typeof value === 'number' && !Number.isFinite(value)) throw new Error('a number that JSON has no form for');
	if (typeof value === 'string' && lone(value)) throw new Error('a lone surrogate');
	const text = JSON.stringify(value);
	if (text === undefined) throw new Error('a value that JSON has no form for');
	return text;
}

export function canonicalize(value) {
	if (Array.isArray(value)) return `[${value.map(canonicalize).join(',')}]`;
	if (value === null || typeof value !== 'object') return primitive(value);
	const members = Object.keys(value)
		.filter((name) => value[name] !== undefined)
		.sort()
		.map((name) => `${primitive(name)}:${canonicalize(value[name])}`);
	return `{${members.join(',')}}`;
}
