/** What the frame tells the page around it. Never who agreed to what, never a token. */
export interface AparteSessionEventMap {
	/** The page in the frame runs; `role` is the person's. */
	'aparte-ready': CustomEvent<{ role: 'coach' | 'coachee' }>;
	/** The person left the lobby: media is sent from now on. */
	'aparte-joined': CustomEvent<Record<string, never>>;
	/** Recording began or stopped; nothing says why. */
	'aparte-recording': CustomEvent<{ recording: boolean }>;
	/** The call is over for this person: `ended` for both, `left` by their own act, `host` by `leave()`. */
	'aparte-left': CustomEvent<{ why: 'ended' | 'left' | 'host' | string }>;
	/** Nothing to show: `name` as in the API's problems, or `join-url`. */
	'aparte-failed': CustomEvent<{ name: string }>;
}

/** One person's call inside a platform's page: an iframe of the gateway's origin. */
export class AparteSession extends HTMLElement {
	/** The link the API gave for this person; reflects `join-url`. */
	joinUrl: string;
	/** Hangs up. */
	leave(): void;
	addEventListener<K extends keyof AparteSessionEventMap>(
		type: K, listener: (this: AparteSession, event: AparteSessionEventMap[K]) => void,
		options?: boolean | AddEventListenerOptions): void;
	addEventListener(type: string, listener: EventListenerOrEventListenerObject,
		options?: boolean | AddEventListenerOptions): void;
}

declare global {
	interface HTMLElementTagNameMap {
		'aparte-session': AparteSession;
	}
}
