/* The page of a person: token, device key, lobby, call, and afterwards one's own data. */
import { deviceKey } from '../crypto/device.js';
import { onLanguage, startLanguage } from '../i18n/i18n.js';
import { Api } from '../ui/api.js';
import { el, replace, translate } from '../ui/dom.js';
import { languageSwitch } from '../ui/language.js';
import { problemKey } from '../ui/problem.js';
import { call } from './call.js';
import { Consents } from './consents.js';
import { Devices } from './devices.js';
import { tellHost, tellRecording } from './embedded.js';
import { lobby } from './lobby.js';
import { myData } from './my_data.js';
import { Session } from './session.js';
import { allowSounds } from './sounds.js';
import { rememberJoined, takeToken, wasJoined } from './token.js';

const WAIT_MS = 1000;
const root = document.getElementById('app');

function sorry(failure) {
	tellHost('failed', { name: failure.name });
	const again = el('button', { type: 'button', class: 'button', t: 'retry', on: { click: () => location.reload() } });
	replace(root, el('header', { class: 'top' }, el('span', { class: 'brand', t: 'brand' }), languageSwitch()),
		el('main', { class: 'sorry', test: 'fatal', 'data-error': failure.name },
			el('h1', { t: 'sorry.title' }), el('p', { role: 'alert', t: problemKey(failure) }), again));
}

/* The vault or the way to the gateway may be gone for a moment, as in the midst of a restart: says so and asks again. */
async function patiently(ask) {
	for (;;) {
		try {
			return await ask();
		} catch (failure) {
			if (failure.status !== 503 && failure.status !== 0) throw failure;
			sorry(failure);
			await new Promise((done) => setTimeout(done, WAIT_MS));
		}
	}
}

/* The call from the lobby to its end; a reload goes straight back in. */
async function attend(api, session, device, consents) {
	const devices = new Devices();
	await patiently(() => api.put('/v1/party/device', { key: device.key }));
	if (wasJoined()) await devices.start();
	else await lobby(root, { party: session.party, devices, language: languageSwitch() });
	allowSounds();
	rememberJoined(true);
	tellHost('joined');
	tellRecording(session);
	session.listen();
	const why = await call(root, { api, session, device, devices, consents, language: languageSwitch() });
	session.stop();
	rememberJoined(false);
	tellHost('left', { why });
	return why;
}

async function run() {
	const asked = new URLSearchParams(location.search).get('lang');
	startLanguage(asked);
	onLanguage(() => translate(document));
	window.addEventListener('hashchange', () => location.reload());
	const token = takeToken();
	if (!token) return sorry({ name: 'no-token' });
	const api = new Api(token);
	const session = new Session(api);
	const party = await patiently(() => session.refresh());
	startLanguage(asked ?? party.locale);
	tellHost('ready', { role: party.role });
	document.body.dataset.role = party.role;
	const device = await deviceKey(party.session, party.role);
	const consents = new Consents(api, session, device);
	const why = session.ended ? 'ended' : await attend(api, session, device, consents);
	await session.refresh().catch(() => {});
	await myData(root, { api, session, consents, why, language: languageSwitch() });
}

run().catch(sorry);
