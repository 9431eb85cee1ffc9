/* What a presence message signs: docs/API, POST /v1/party/presence. */
import { labelled, u64, uuidBytes } from './bytes.js';

export function presenceBytes(session, generation, counter) {
	return labelled('aparte/presence/v1', uuidBytes(session), u64(generation), u64(counter));
}
