/* The page of a person: token, device key, lobby, call, and afterwards one's own data. */
import { deviceKey } from '../crypto/device.js';
import { onLanguage, startLanguage } from '../i18n/i18n.js';
import '../i18n/person.js';
import { Api, ApiError } from '../ui/api.js';
import { el, replace, translate } from '../ui/dom.js';
import { drawn } from '../ui/icons.js';
import { languageSwitch } from '../ui/language.js';
import { problemKey } from '../ui/problem.js';
import { Devices } from './devices.js';
import { tellHost, tellRecording } from './embedded.js';
import { lobby } from './lobby.js';
import { Session } from './session.js';
import { allowSounds } from './sounds.js';
import { rememberJoined, takeToken, wasJoined } from './token.js';

const WAIT_MS = 1000;
const root = document.getElementById('app');

/* What could be meant by a link that does not open, in the person's terms; a link that is no good is not tried again. */
const LINK = ['sorry.link', 'sorry.link.next'];
const LINKS = { 'no-token': ['sorry.part', 'sorry.part.next'], 'token-invalid': LINK, 'token-expired': LINK };

function message(main) {
	replace(root, el('header', { class: 'top' }, el('span', { class: 'brand', t: 'brand' }), languageSwitch()), main);
}

function sorry(failure) {
	tellHost('failed', { name: failure.name });
	const [title, next] = LINKS[failure.name] ?? [];
	const again = title ? null : el('button', { type: 'button', class: 'button primary', t: 'retry', on: { click: () => location.reload() } });
	message(el('main', { class: 'sorry', test: 'fatal', 'data-error': failure.name }, el('span', { class: 'sign' }, drawn(title ? 'link' : 'alert')),
		el('h1', { t: title ?? 'sorry.title' }), el('p', { class: 'lead', role: 'alert', t: problemKey(failure) }),
		next ? el('p', { class: 'hint', t: next }) : null, again));
}

/* It will come right by itself, so that there is nothing to press. */
function waiting(failure) {
	if (root.querySelector('[data-testid="waiting"]')) return;
	message(el('main', { class: 'sorry', test: 'waiting', 'data-error': failure.name }, el('span', { class: 'spinner', 'aria-hidden': 'true' }),
		el('h1', { t: 'wait.title' }), el('p', { class: 'lead', role: 'status', t: problemKey(failure) }), el('p', { class: 'hint', t: 'wait.words' })));
}

/* The vault or the way to the gateway may be gone for a moment, as in the midst of a restart: says so and asks again. */
async function patiently(ask) {
	for (;;) {
		try {
			return await ask();
		} catch (failure) {
			if (failure.status !== 503 && failure.status !== 0) throw failure;
			waiting(failure);
			await new Promise((done) => setTimeout(done, WAIT_MS));
		}
	}
}

/* What comes after the lobby is fetched while a person looks at it: the first page is light, and the next one there. */
const rest = () => Promise.all([import('./call.js'), import('./consents.js'), import('./my_data.js')])
	.then(([{ call }, { Consents }, { myData }]) => ({ call, Consents, myData }))
	.catch(() => Promise.reject(new ApiError('network', 0)));

/* The call from the lobby to its end; a reload goes straight back in. */
async function attend({ api, session, device, load }) {
	const devices = new Devices();
	await patiently(() => api.put('/v1/party/device', { key: device.key }));
	const entering = wasJoined() ? devices.start() : lobby(root, { session, devices, language: languageSwitch() });
	const later = load();
	await entering;
	if (session.ended) return devices.stop();
	allowSounds();
	rememberJoined(true);
	tellHost('joined');
	tellRecording(session);
	session.listen();
	const { call, consents } = await later;
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
	if (!window.isSecureContext) return sorry({ name: 'insecure' });
	const token = takeToken();
	if (!token) return sorry({ name: 'no-token' });
	const api = new Api(token);
	const session = new Session(api);
	const party = await patiently(() => session.refresh());
	startLanguage(asked ?? party.locale);
	tellHost('ready', { role: party.role });
	document.body.dataset.role = party.role;
	const device = await deviceKey(party.session, party.role);
	let later;
	const load = () => (later ??= rest().then(({ Consents, ...views }) => ({ ...views, consents: new Consents(api, session, device) })));
	const why = session.ended ? 'ended' : await attend({ api, session, device, load });
	if (LINKS[why]) return sorry({ name: why });
	await session.refresh().catch(() => {});
	const { myData, consents } = await load();
	await myData(root, { api, session, consents, why, language: languageSwitch() });
}

run().catch(sorry);
