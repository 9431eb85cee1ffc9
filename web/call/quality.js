/* How good the connection is, from loss and round trip every 2 s: good, fair, poor. */
const EVERY_MS = 2000;

export function watchQuality(media, show) {
	let before = { lost: 0, received: 0 };
	const timer = setInterval(async () => {
		const now = { lost: 0, received: 0 };
		let rtt = 0;
		for (const report of (await media.stats()).values()) {
			if (report.type === 'inbound-rtp') {
				now.lost += report.packetsLost ?? 0;
				now.received += report.packetsReceived ?? 0;
			}
			if (report.type === 'candidate-pair' && report.nominated) rtt = report.currentRoundTripTime ?? 0;
		}
		const lost = now.lost - before.lost;
		const share = lost / Math.max(1, lost + now.received - before.received);
		before = now;
		show(share > 0.08 || rtt > 0.6 ? 'poor' : share > 0.02 || rtt > 0.3 ? 'fair' : 'good');
	}, EVERY_MS);
	return () => clearInterval(timer);
}
