/*
 * Calls of staff. A login that has ended asks for a new one over the page, and the call goes on from there: whoever was
 * writing a note or filling in a form loses nothing of it.
 */
import { Api } from '../ui/api.js';

export class StaffApi extends Api {
	/* How often somebody signed in anew: what failed meanwhile is worth another try. */
	renewed = 0;
	#signIn;
	#asking = null;

	/* `signIn()` resolves once the same person is signed in again. */
	constructor(signIn) {
		super();
		this.#signIn = signIn;
	}

	async request(method, path, options) {
		try {
			return await super.request(method, path, options);
		} catch (failure) {
			/* Here a 401 says that what was typed is wrong, or that nobody is signed in yet. */
			if (failure.status !== 401 || /^\/v1\/(login|logout|me)\b/.test(path)) throw failure;
			await this.#again();
			return super.request(method, path, options);
		}
	}

	/* However many calls fail at once, one is asked. */
	#again() {
		this.#asking ??= this.#signIn().then(() => this.renewed++).finally(() => (this.#asking = null));
		return this.#asking;
	}
}
