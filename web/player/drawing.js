/* The picture behind the timeline: bars of both persons, what was played, passages, what is not there. */
const BAR = 2, ROOM = 1; /* CSS pixels */
const LEAST = 1.5;

const NAMES = ['coach', 'coachee', 'quiet', 'ground', 'notch'];

/* From the style sheet, once a drawing. */
function colours(canvas) {
	const style = getComputedStyle(canvas);
	return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

/* Speech is quiet most of the time: roots lift it, so that it shows beside a laugh. */
const height = (peak, most) => Math.max(LEAST, Math.sqrt(Math.max(0, peak)) * most);

/* The coach above the middle, the other person below it. Where nothing was read yet there is a dotted line. */
function bars(pen, { peaks, box, colour, played }) {
	const count = Math.floor(box.width / (BAR + ROOM)), middle = box.height / 2, most = middle - 5;
	if (count < 1) return;
	for (const [role, up] of [['coach', true], ['coachee', false]]) {
		const values = peaks[role]?.bars(count) ?? new Float32Array(count).fill(-1);
		values.forEach((peak, i) => {
			const x = i * (BAR + ROOM), tall = height(peak, most);
			pen.globalAlpha = peak < 0 ? 0.35 : x <= played ? 1 : 0.5;
			pen.fillStyle = peak < 0 ? colour.quiet : colour[role];
			if (peak > -2 && !(peak < 0 && i % 3)) pen.fillRect(x, up ? middle - tall - 0.5 : middle + 0.5, BAR, tall);
		});
	}
	pen.globalAlpha = 1;
}

/* Where the gate was closed between two passages: a notch through the line. */
function notches(pen, { passages, duration, box, colour }) {
	for (const { from } of passages.slice(1)) {
		const x = Math.round((from / duration) * box.width);
		pen.fillStyle = colour.ground;
		pen.fillRect(x - 3, 0, 6, box.height);
		pen.strokeStyle = colour.notch;
		pen.setLineDash([3, 3]);
		pen.strokeRect(x - 3, -2, 6, box.height + 4);
		pen.setLineDash([]);
	}
}

/* Passages that were erased from a recording which stays. */
function hatches(pen, { holes, duration, box, colour }) {
	pen.strokeStyle = colour.notch;
	for (const { from, to } of holes) {
		const left = (from / duration) * box.width, right = (to / duration) * box.width;
		pen.save();
		pen.beginPath();
		pen.rect(left, 0, right - left, box.height);
		pen.clip();
		pen.beginPath();
		for (let x = left - box.height; x < right; x += 7) {
			pen.moveTo(x, box.height);
			pen.lineTo(x + box.height, 0);
		}
		pen.stroke();
		pen.restore();
	}
}

/* What the browser has already, as a fine line at the foot. */
function ready(pen, { ready: parts, duration, box, colour }) {
	pen.fillStyle = colour.quiet;
	pen.globalAlpha = 0.55;
	for (const { from, to } of parts) pen.fillRect((from / duration) * box.width, box.height - 2, ((to - from) / duration) * box.width, 2);
	pen.globalAlpha = 1;
}

export function draw(canvas, state) {
	const box = { width: canvas.clientWidth, height: canvas.clientHeight }, scale = window.devicePixelRatio || 1;
	const size = [Math.round(box.width * scale), Math.round(box.height * scale)];
	if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
	const pen = canvas.getContext('2d');
	pen.setTransform(scale, 0, 0, scale, 0, 0);
	pen.clearRect(0, 0, box.width, box.height);
	if (!state.duration) return;
	const all = { ...state, box, colour: colours(canvas), played: (state.time / state.duration) * box.width };
	bars(pen, all);
	notches(pen, all);
	hatches(pen, all);
	ready(pen, all);
}
