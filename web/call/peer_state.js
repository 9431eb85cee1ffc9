/*
 * What the two pages tell one another through the opaque mailbox: microphone, camera and screen on or off. A page
 * that comes later says hello and is answered. It is a courtesy for the view; nothing depends on it.
 */
export class PeerState extends EventTarget {
	peer = { mic: true, camera: true, screen: false };
	#api;
	#own = { mic: true, camera: true, screen: false };

	constructor(api, session) {
		super();
		this.#api = api;
		session.addEventListener('peer-message', ({ detail }) => this.#receive(detail));
		let there = false;
		session.addEventListener('change', () => {
			const now = Boolean(session.party?.peer?.connected);
			if (now && !there) this.#say({ kind: 'hello' });
			there = now;
		});
	}

	tell(change) {
		Object.assign(this.#own, change);
		this.#say({ kind: 'media', ...this.#own });
	}

	#say(message) {
		this.#api.post('/v1/party/messages', message).catch(() => {});
	}

	#receive(message) {
		if (message?.kind === 'hello') this.#say({ kind: 'media', ...this.#own });
		if (message?.kind !== 'media') return;
		this.peer = { mic: message.mic !== false, camera: message.camera !== false, screen: message.screen === true };
		this.dispatchEvent(new Event('change'));
	}
}
