/*
 * <aparte-session>: one person's call, inside a platform's own page.
 *
 *	<script type="module" src="https://aparte.example/web/sdk/aparte-session.js"></script>
 *	<aparte-session join-url="https://aparte.example/join#…"></aparte-session>
 *
 * It shows the gateway's own page in a frame of the gateway's origin: the page around it can neither see nor click in
 * there, and an agreement to record is taken only while its button is in plain sight, in browsers that can tell
 * (web/call/in_sight.js). The gateway must name the page's origin in gateway.cors_origins, else the frame stays empty.
 *
 * Attributes: join-url (as the API gave it; it holds the person's token, so do not keep it in a page's address or in
 * logs), lang ("fr" or "en"), frame-title.
 * Events, all bubbling, detail as in aparte-session.d.ts: aparte-ready, aparte-joined, aparte-recording, aparte-left,
 * aparte-failed. None tells who agreed to what, and none carries a token.
 */
const ALLOWED = 'camera; microphone; display-capture; autoplay; fullscreen; picture-in-picture; speaker-selection';
const EVENTS = ['ready', 'joined', 'recording', 'left', 'failed'];
const STYLE = ':host{display:block;min-height:30rem}iframe{border:0;width:100%;height:100%;min-height:inherit;display:block}';

/* The address to show, or null: only a person's link is shown, whatever a page was given. */
function linkOf(text) {
	try {
		const url = new URL(text, document.baseURI);
		return /^https?:$/.test(url.protocol) && url.pathname === '/join' && url.hash.length > 1 ? url : null;
	} catch {
		return null;
	}
}

export class AparteSession extends HTMLElement {
	static observedAttributes = ['join-url', 'lang', 'frame-title'];
	#frame = null;
	#origin = '';
	#root = this.attachShadow({ mode: 'closed' });
	#hear = (event) => this.#receive(event);

	constructor() {
		super();
		const sheet = new CSSStyleSheet();
		sheet.replaceSync(STYLE);
		this.#root.adoptedStyleSheets = [sheet];
	}

	get joinUrl() {
		return this.getAttribute('join-url') ?? '';
	}

	set joinUrl(url) {
		this.setAttribute('join-url', url);
	}

	connectedCallback() {
		addEventListener('message', this.#hear);
		this.#show();
	}

	disconnectedCallback() {
		removeEventListener('message', this.#hear);
		this.#hide();
	}

	attributeChangedCallback(name, before, now) {
		if (!this.isConnected || before === now) return;
		if (name === 'frame-title' && this.#frame) this.#frame.title = now ?? 'Aparté';
		else this.#show();
	}

	/* Hangs up: the frame is gone, and with it camera and microphone. */
	leave() {
		this.#hide();
		this.#tell('left', { why: 'host' });
	}

	#hide() {
		this.#frame?.remove();
		this.#frame = null;
	}

	#show() {
		this.#hide();
		const url = linkOf(this.joinUrl);
		if (!url) return this.joinUrl ? this.#tell('failed', { name: 'join-url' }) : undefined;
		if (this.lang) url.searchParams.set('lang', this.lang);
		this.#origin = url.origin;
		this.#frame = Object.assign(document.createElement('iframe'), {
			allow: ALLOWED,
			referrerPolicy: 'origin', /* so that the frame knows whom it may answer, and no more than that */
			title: this.getAttribute('frame-title') ?? 'Aparté',
			src: url.href,
		});
		this.#root.append(this.#frame);
	}

	#receive({ source, origin, data }) {
		if (!this.#frame || source !== this.#frame.contentWindow || origin !== this.#origin) return;
		if (data?.aparte === 1 && EVENTS.includes(data.event)) this.#tell(data.event, data.detail ?? {});
	}

	#tell(event, detail) {
		this.dispatchEvent(new CustomEvent(`aparte-${event}`, { bubbles: true, composed: true, detail }));
	}
}

if (!customElements.get('aparte-session')) customElements.define('aparte-session', AparteSession);
