/*
 * One's own requests: the list where the server gives one, else those made from this device, each asked for by its
 * id.
 */
import { list } from '../ui/api.js';

const key = ({ session, role }) => `aparte/requests/${session}/${role}`;
const remembered = (party) => JSON.parse(localStorage.getItem(key(party)) ?? '[]');

export async function makeRequest(api, party, request) {
	const made = await api.post('/v1/party/requests', request);
	localStorage.setItem(key(party), JSON.stringify([...remembered(party), made.id].slice(-100)));
	return made;
}

export async function ownRequests(api, party) {
	try {
		return list(await api.get('/v1/party/requests'), 'requests');
	} catch (failure) {
		if (![404, 405].includes(failure.status)) throw failure;
		return Promise.all(remembered(party).map((id) => api.get(`/v1/party/requests/${id}`)));
	}
}
