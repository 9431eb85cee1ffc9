/*
 * JSON over HTTP. Failures are ApiError: `name` is the last part of the problem's type (docs/openapi.yaml), or
 * "network" when no answer came.
 */
export class ApiError extends Error {
	constructor(name, status, detail) {
		super(detail || name);
		this.name = name;
		this.status = status;
		this.detail = detail;
	}
}

async function problem(response) {
	const body = await response.json().catch(() => ({}));
	const name = String(body.type ?? '').replace('urn:aparte:error:', '');
	return new ApiError(name || `http-${response.status}`, response.status, body.detail);
}

export class Api {
	/* `token`: a bearer token, or none where a cookie signs in. */
	constructor(token) {
		this.token = token;
	}

	/* Names this page load in calls where the gateway tells a person's pages apart: who was replaced by whom. */
	page = { 'Aparte-Page': crypto.randomUUID() };

	async request(method, path, { body, type = 'application/json', headers = {}, signal } = {}) {
		const sent = { ...headers };
		if (this.token) sent.Authorization = `Bearer ${this.token}`;
		if (body !== undefined) sent['Content-Type'] = type;
		const options = { method, headers: sent, body, signal, cache: 'no-store', credentials: 'same-origin' };
		const response = await fetch(path, options).catch((failure) => {
			if (failure.name === 'AbortError') throw failure;
			throw new ApiError('network', 0);
		});
		if (!response.ok) throw await problem(response);
		return response;
	}

	async json(method, path, value) {
		const body = value === undefined ? undefined : JSON.stringify(value);
		const text = await (await this.request(method, path, { body })).text();
		return text ? parse(text) : null;
	}

	get(path) {
		return this.json('GET', path);
	}

	post(path, value = {}) {
		return this.json('POST', path, value);
	}

	put(path, value) {
		return this.json('PUT', path, value);
	}

	/* With a body, since a change by cookie needs a content type. */
	delete(path) {
		return this.token ? this.json('DELETE', path) : this.json('DELETE', path, {});
	}
}

/* A generation is 64 bits, more than a JSON number keeps: bare digits become text before they are parsed. */
export function parse(text) {
	return JSON.parse(text.replace(/("generation"\s*:\s*)(\d+)/g, '$1"$2"'));
}

/* The list in an answer, whether it is the answer or a member of it. */
export function list(answer, name) {
	return Array.isArray(answer) ? answer : (answer?.[name] ?? []);
}
