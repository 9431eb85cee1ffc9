/*
 * A camera for pictures that people look at: a drawn person in a lit room, moving a little, instead of the browser's test
 * card. What pages do with it is what they do with any camera; the microphone stays the browser's.
 */
const LOOKS = {
	coach: { wall: ['#dfe6df', '#9fb3a9'], lamp: '#fff3d6', skin: '#c98f6b', hair: '#3b2a24', clothes: '#27565c' },
	coachee: { wall: ['#ece2d6', '#b99f86'], lamp: '#fff8ec', skin: '#8d5a3c', hair: '#1d1715', clothes: '#8a3f4c' },
};

/* Runs in the page: answers a track. Closed over nothing. */
export function drawPortrait(look) {
	const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 400 });
	const pen = canvas.getContext('2d');
	pen.scale(2 / 3, 2 / 3);
	const disc = (x, y, rx, ry, colour) => {
		pen.fillStyle = colour;
		pen.beginPath();
		pen.ellipse(x, y, rx, ry, 0, 0, 7);
		pen.fill();
	};
	let n = 0;
	const draw = () => {
		const sway = 6 * Math.sin(n++ / 16);
		const wall = pen.createLinearGradient(0, 0, 960, 600);
		look.wall.forEach((colour, i) => wall.addColorStop(i, colour));
		pen.fillStyle = wall;
		pen.fillRect(0, 0, 960, 600);
		const lamp = pen.createRadialGradient(800, 120, 10, 800, 120, 300);
		lamp.addColorStop(0, look.lamp);
		lamp.addColorStop(1, `${look.lamp}00`);
		pen.fillStyle = lamp;
		pen.fillRect(0, 0, 960, 600);
		pen.fillStyle = '#0000001c';
		pen.fillRect(70, 60, 210, 270);
		pen.fillStyle = '#ffffff55';
		pen.fillRect(82, 72, 186, 246);
		disc(480 + sway, 660, 290, 230, look.clothes);
		pen.fillStyle = look.skin;
		pen.fillRect(440 + sway, 380, 80, 90);
		disc(480 + sway, 240, 122, 142, look.hair);
		disc(480 + sway, 290, 104, 128, look.skin);
		disc(480 + sway, 190, 112, 62, look.hair);
		disc(440 + sway, 290, 9, n % 90 < 4 ? 2 : 11, '#1c1412');
		disc(520 + sway, 290, 9, n % 90 < 4 ? 2 : 11, '#1c1412');
		pen.strokeStyle = '#5a2a22';
		pen.lineWidth = 6;
		pen.beginPath();
		pen.arc(480 + sway, 330, 36, 0.5, 2.64);
		pen.stroke();
	};
	draw();
	setInterval(draw, 80);
	return canvas.captureStream(12).getVideoTracks()[0];
}

/* Runs in the page, before its scripts. */
function replaceCamera(draw, look) {
	const { mediaDevices } = navigator;
	if (!mediaDevices) return;
	const real = mediaDevices.getUserMedia.bind(mediaDevices);
	const named = [['videoinput', 'HD Webcam'], ['audioinput', 'Headset'], ['audiooutput', 'Headset']];
	mediaDevices.getUserMedia = async (wish) => {
		const stream = wish.audio ? await real({ audio: wish.audio }) : new MediaStream();
		if (wish.video) stream.addTrack(draw(look));
		return stream;
	};
	mediaDevices.enumerateDevices = async () => named.map(([kind, label]) => ({ kind, label, deviceId: 'default' }));
}

/* Gives a Playwright page that camera, before it loads: as text, since a page's policy forbids making functions of text. */
export function usePortrait(page, role) {
	return page.addInitScript(`(${replaceCamera})(${drawPortrait}, ${JSON.stringify(LOOKS[role])})`);
}

export const lookOf = (role) => LOOKS[role];
