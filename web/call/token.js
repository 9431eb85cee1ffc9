/*
 * The party token: from the URL's fragment into this tab's memory, out of the address bar. Kept per tab, so that a
 * reload reconnects as the same person and another tab is another matter.
 */
const KEPT = 'aparte/token';
const JOINED = 'aparte/joined';

/* The token of this tab, or null. A new link replaces what an earlier one left. */
export function takeToken() {
	const given = location.hash.slice(1);
	if (given) {
		if (given !== sessionStorage.getItem(KEPT)) sessionStorage.removeItem(JOINED);
		sessionStorage.setItem(KEPT, given);
		history.replaceState(null, '', location.pathname);
	}
	return sessionStorage.getItem(KEPT);
}

/* Whether this tab was in the call when it was reloaded. */
export function wasJoined() {
	return sessionStorage.getItem(JOINED) === 'yes';
}

export function rememberJoined(joined) {
	if (joined) sessionStorage.setItem(JOINED, 'yes');
	else sessionStorage.removeItem(JOINED);
}
