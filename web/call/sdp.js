/* The little SDP that the pages handle themselves: ICE restarts by PATCH (RFC 9725 §4.3.3, RFC 8840). */

const line = (sdp, name) => new RegExp(`^a=${name}:(.*)$`, 'm').exec(sdp)?.[1].trim();
const lines = (sdp, name) => [...sdp.matchAll(new RegExp(`^a=${name}:.*$`, 'gm'))].map(([text]) => text.trim());

/* The fragment that offers new ICE credentials, for the offer's bundle. */
export function restartFragment(offer) {
	const firstMedia = /^m=.*$/m.exec(offer)[0].trim();
	const group = /^a=group:BUNDLE.*$/m.exec(offer)?.[0].trim();
	return [
		group,
		`a=ice-ufrag:${line(offer, 'ice-ufrag')}`,
		`a=ice-pwd:${line(offer, 'ice-pwd')}`,
		firstMedia,
		`a=mid:${line(offer, 'mid')}`,
		'',
	].filter((text) => text !== undefined).join('\r\n');
}

/* The answer in force with the credentials and candidates of the gateway's fragment in their places. */
export function restartedAnswer(answer, fragment) {
	const ufrag = line(fragment, 'ice-ufrag');
	const pwd = line(fragment, 'ice-pwd');
	if (!ufrag || !pwd) throw new Error('a fragment without credentials');
	let sdp = answer.replace(/^a=ice-ufrag:.*$/gm, `a=ice-ufrag:${ufrag}`).replace(/^a=ice-pwd:.*$/gm, `a=ice-pwd:${pwd}`);
	const candidates = lines(fragment, 'candidate');
	if (candidates.length) {
		sdp = sdp.replace(/^a=(candidate:.*|end-of-candidates)\r?\n/gm, '');
		sdp = sdp.replace(/^(a=ice-pwd:[^\r\n]*)(\r?\n)/m, (_, pwdLine, eol) => pwdLine + eol + candidates.join(eol) + eol);
	}
	return sdp;
}

/* RTCIceServer list of a Link header (RFC 9725 §4.6). */
export function iceServers(header) {
	return (header ?? '')
		.split(/,\s*(?=<)/)
		.filter((link) => /rel="?ice-server"?/.test(link))
		.map((link) => {
			const parameter = (name) => new RegExp(`;\\s*${name}="([^"]*)"`).exec(link)?.[1];
			const server = { urls: /<([^>]*)>/.exec(link)[1] };
			if (parameter('username')) server.username = parameter('username');
			if (parameter('credential')) server.credential = parameter('credential');
			return server;
		});
}
