/*
 * Secrets that occurred in a run, and the search for them where none may be: as they are, in hex, and in base64 or
 * base64url wherever in a longer text they begin.
 */
const FULL_FORM = 12; /* bytes: a shorter one is found by chance in other forms */

/* The characters that surely stand in the base64 of anything that holds these bytes at such an offset (modulo 3). */
function base64At(bytes, offset) {
	const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64').replace(/=+$/, '');
	const first = [0, 2, 3][offset];
	const whole = Math.floor(((offset + bytes.length) * 8) / 6);
	return text.slice(first, whole);
}

function formsOf(bytes) {
	if (bytes.length < FULL_FORM)
		return [bytes];
	const hex = bytes.toString('hex');
	const base64 = [0, 1, 2].map((offset) => base64At(bytes, offset));
	const url = base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'));
	return [bytes, ...[...new Set([hex, hex.toUpperCase(), ...base64, ...url])].map((text) => Buffer.from(text, 'latin1'))];
}

export class Hoard {
	#secrets = new Map();

	/* value: text or bytes; a text that encodes bytes (base64url, 32 bytes or more) is searched for as those bytes too. */
	add(kind, value) {
		const bytes = Buffer.isBuffer(value) ? value : Buffer.from(String(value));
		const key = bytes.toString('hex');
		if (!bytes.length || this.#secrets.has(key))
			return;
		const inside = /^[\w-]{43,}$/.test(bytes.toString('latin1')) ? Buffer.from(bytes.toString('latin1'), 'base64url') : null;
		this.#secrets.set(key, { kind, forms: [...formsOf(bytes), ...(inside ? formsOf(inside) : [])] });
	}

	kinds() {
		return new Set([...this.#secrets.values()].map(({ kind }) => kind));
	}

	/* What stands in the bytes that may not: [{ kind, at }], one for each secret. */
	find(bytes, allowed = []) {
		return [...this.#secrets.values()].filter(({ kind }) => !allowed.includes(kind)).flatMap(({ kind, forms }) => {
			const at = forms.map((form) => bytes.indexOf(form)).find((place) => place >= 0);
			return at === undefined ? [] : [{ kind, at }];
		});
	}

	/* The same of only these kinds, every place. */
	places(bytes, kinds) {
		return [...this.#secrets.values()].filter(({ kind }) => kinds.includes(kind)).flatMap(({ kind, forms }) => {
			const found = [];
			for (let at = bytes.indexOf(forms[0]); at >= 0; at = bytes.indexOf(forms[0], at + 1))
				found.push({ kind, at });
			return found;
		});
	}
}
