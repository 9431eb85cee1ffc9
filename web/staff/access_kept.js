/*
 * The accesses begun in this tab: what for and until when, so that the reason is asked once per viewing and a reload goes
 * on with it. They go with the tab; the vault decides anew at each read.
 */
const key = (id) => `aparte/access/${id}`;

/* {recording, purpose, reason, expires} */
export function keepAccess(id, access) {
	sessionStorage.setItem(key(id), JSON.stringify(access));
}

export function accessOf(id) {
	const text = sessionStorage.getItem(key(id));
	return text ? JSON.parse(text) : null;
}
