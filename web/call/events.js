/*
 * Server-sent events read by fetch (an EventSource cannot send a bearer token), with reconnection. While not
 * connected nothing is known, which `lost` tells. A way that died without a word is noticed too: the gateway says that it is
 * there every 5 s, and silence for longer than that allows for is a lost connection.
 */
const SILENT_MS = 12000;
const RETRY_MS = [500, 1000, 2000, 3000];

/* Calls `each(event, data)` for every whole event in a stream of text; answers what is left over. */
export function takeEvents(text, each) {
	const blocks = text.replaceAll('\r\n', '\n').split('\n\n');
	const rest = blocks.pop();
	for (const block of blocks) {
		let event = 'message';
		const data = [];
		for (const line of block.split('\n')) {
			const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line);
			if (name === 'event') event = value;
			else if (name === 'data') data.push(value);
		}
		if (data.length) each(event, data.join('\n'));
	}
	return rest;
}

export class Events extends EventTarget {
	#api;
	#stopped = new AbortController();

	constructor(api) {
		super();
		this.#api = api;
	}

	/* Runs until stop(). Events: "connected", "lost", "refused" (token no longer good), and "server" with
	 * detail {event, data}. */
	async run() {
		for (let failures = 0; !this.#stopped.signal.aborted; failures++) {
			try {
				await this.#read(() => (failures = 0));
			} catch (failure) {
				if (this.#stopped.signal.aborted) return;
				if ([401, 403, 410].includes(failure.status)) return this.#tell('refused', failure);
			}
			this.#tell('lost');
			await new Promise((done) => setTimeout(done, RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]));
		}
	}

	stop() {
		this.#stopped.abort();
	}

	#tell(name, detail) {
		this.dispatchEvent(new CustomEvent(name, { detail }));
	}

	async #read(connected) {
		const silent = new AbortController();
		const give = () => silent.abort();
		let timer = setTimeout(give, SILENT_MS);
		this.#stopped.signal.addEventListener('abort', give);
		const heard = () => {
			clearTimeout(timer);
			timer = setTimeout(give, SILENT_MS);
		};
		try {
			await this.#follow(silent.signal, connected, heard);
		} finally {
			clearTimeout(timer);
			this.#stopped.signal.removeEventListener('abort', give);
		}
	}

	async #follow(signal, connected, heard) {
		const headers = { Accept: 'text/event-stream', ...this.#api.page };
		const response = await this.#api.request('GET', '/v1/events', { headers, signal });
		connected();
		this.#tell('connected');
		const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
		let rest = '';
		for (let part = await reader.read(); !part.done; part = await reader.read()) {
			heard();
			rest = takeEvents(rest + part.value, (event, data) => this.#tell('server', { event, data }));
		}
	}
}
