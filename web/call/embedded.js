/*
 * The page inside <aparte-session> (web/sdk): tells the page around it what it may know, and nothing of who agreed to what.
 * Who may put us into a frame is settled by frame-ancestors, so whoever is there may hear it.
 */
const framed = window.parent !== window;
let recording = false;

export function tellHost(event, detail = {}) {
	if (framed) window.parent.postMessage({ aparte: 1, event, detail }, '*');
}

/* Recording begins and stops; that it never began is told to nobody, nor is what is not known. */
export function tellRecording(session) {
	session.addEventListener('gate', ({ detail }) => {
		if (detail.reasons.includes('unknown')) return;
		const now = detail.state === 'open';
		if (now !== recording) tellHost('recording', { recording: now });
		recording = now;
	});
}
