/* Makes and signs consent statements: docs/API, Consent statement. */
import { canonicalize } from './jcs.js';
import { sealFingerprint, sealShare, shareCommitment, newShare } from './share.js';
import { utf8 } from './bytes.js';

export const PRESENCE_SECONDS = 5;

export function givesRecording(event, purposes) {
	return event === 'ConsentGiven' && purposes.includes('recording');
}

/* A millisecond later than the last one, whatever the clock did: statements must be in order. */
function nextTime(previous) {
	return new Date(Math.max(Date.now(), (previous ? Date.parse(previous) : 0) + 1)).toISOString();
}

/* The body of POST /v1/consents, and the statement's own text. The share is wiped before this answers. */
export async function makeConsent({ party, notice, device, event, purposes, method, previousTime }) {
	const statement = {
		schema_version: '1',
		record_id: crypto.randomUUID(),
		session: party.session,
		pii_principal: party.pii_principal,
		role: party.role,
		event,
		purposes,
		privacy_notice: { version: notice.version, lang: notice.lang, sha256: notice.sha256 },
		event_time: nextTime(previousTime),
		indication_method: method,
	};
	let share = null;
	if (givesRecording(event, purposes)) {
		share = newShare();
		statement.share_commitment = await shareCommitment(party.session, party.role, share);
		statement.seal = await sealFingerprint(notice.seal);
		statement.presence = PRESENCE_SECONDS;
	}
	const text = canonicalize(statement);
	const body = { statement: text, key: device.key, signature: await device.sign(utf8(text)) };
	if (share) {
		body.share = await sealShare({
			sealKey: notice.seal,
			session: party.session,
			role: party.role,
			share,
			statement: text,
		});
		share.fill(0);
	}
	return { body, text, time: statement.event_time };
}
