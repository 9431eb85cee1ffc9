/* The stand-in's library: ten thousand recordings, filtered and given in pages as the vault does. */
const HOUR = 3_600_000;

/* One recording, `n` hours old: two passages of 5 and 7 s, three minutes apart. */
export function makeRecording(n, more = {}) {
	const created = Date.now() - n * HOUR, time = (ms) => new Date(created + ms).toISOString();
	return {
		id: `${String(n).padStart(8, '0')}-0000-4000-8000-000000000000`, session: '00112233-4455-4677-8899-aabbccddeeff', reference: `Séance ${n}`, state: 'sealed',
		created: time(0), sealed: time(200_000), expires: new Date(Date.now() + (n % 40) * 24 * HOUR + HOUR).toISOString(), duration_ms: 12_000,
		purposes: ['supervision', 'quality'], coach: { name: 'Dominique Martin' }, coachee: { name: 'Camille Roux' }, grants: [],
		epochs: [{ number: 1, opened: time(0), closed: time(5000), stats: { file_start_ms: 0, file_end_ms: 5000 } },
			{ number: 2, opened: time(185_000), closed: time(192_000), stats: { file_start_ms: 5000, file_end_ms: 12_000 } }],
		...more,
	};
}

const STATES = ['sealed', 'sealed', 'sealed', 'archived', 'restricted', 'erased'];

export function manyRecordings(count) {
	return Array.from({ length: count }, (_, i) => makeRecording(i + 1, { state: STATES[i % STATES.length] }));
}

function matches(one, wish) {
	const q = wish.get('q')?.toLowerCase(), from = wish.get('from'), to = wish.get('to'), before = wish.get('expires_before');
	const words = [one.reference, one.coach?.name, one.coachee?.name].map((word) => String(word ?? '').toLowerCase());
	return (!q || words.some((word) => word.startsWith(q)) || one.id === q) && (!wish.get('state') || one.state === wish.get('state'))
		&& (!from || one.created >= from) && (!to || one.created < to) && (!before || (one.state !== 'erased' && one.expires < before));
}

/* GET /v1/recordings: newest first, `limit` of them after the one that `after` names, and how many there are. */
export function libraryPage(recordings, wish) {
	const found = recordings.filter((one) => matches(one, wish));
	const from = wish.get('after') ? found.findIndex(({ id }) => id === wish.get('after')) + 1 : 0, limit = Number(wish.get('limit') ?? 100);
	const page = found.slice(from, from + limit);
	return { recordings: page, ...(from + limit < found.length ? { next: page.at(-1).id } : {}), ...(wish.get('count') ? { total: found.length } : {}) };
}
