/*
 * The passages of a recording on its own time: while the gate was closed nothing was kept, so that what was minutes
 * apart lies side by side. Pure.
 */

/* Seconds of the file: [{number, from, to, opened, gap}]; `gap`: seconds of the day that were not kept before it. */
export function passages(recording, duration) {
	let at = 0, closed = null;
	return [...(recording.epochs ?? [])].sort((a, b) => a.number - b.number).flatMap(({ number, opened, closed: end, stats }) => {
		const lasted = end && opened ? (Date.parse(end) - Date.parse(opened)) / 1000 : 0;
		const from = Number.isFinite(stats?.file_start_ms) ? stats.file_start_ms / 1000 : at;
		const to = Number.isFinite(stats?.file_end_ms) ? stats.file_end_ms / 1000 : from + lasted;
		if (to <= from || from >= duration) return [];
		const gap = closed && opened ? Math.max(0, (Date.parse(opened) - closed) / 1000) : 0;
		at = to;
		closed = end ? Date.parse(end) : null;
		return [{ number, from, to: Math.min(to, duration), opened: opened ? Date.parse(opened) : null, gap }];
	});
}

/* The index of the passage at this time; the last one that began, so that an end belongs to its own. -1: none. */
export function passageAt(all, seconds) {
	return all.findLastIndex(({ from }) => from <= seconds + 0.001);
}

/* The time of day at this place, ms; null when it is not known. */
export function timeOfDay(all, seconds) {
	const one = all[passageAt(all, seconds)];
	return one?.opened ? one.opened + (seconds - one.from) * 1000 : null;
}
