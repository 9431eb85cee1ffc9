/*
 * A platform's page with a call in it. The link comes from the platform's own server in real life; here it is given behind
 * "#", as in index.html#http://127.0.0.1:8080/join#…
 */
const link = location.hash.slice(1);
const { origin } = new URL(link, location.href);
await import(new URL('/web/sdk/aparte-session.js', origin).href);

const WORDS = {
	'aparte-ready': () => 'Prêt.',
	'aparte-joined': () => 'En séance.',
	'aparte-recording': ({ recording }) => (recording ? 'La séance est enregistrée.' : "La séance n'est plus enregistrée."),
	'aparte-left': () => 'La séance est terminée.',
	'aparte-failed': () => 'La séance ne peut pas être ouverte.',
};
const call = document.getElementById('call'), state = document.getElementById('state');
for (const [event, words] of Object.entries(WORDS)) {
	call.addEventListener(event, ({ detail }) => {
		state.dataset.event = event;
		state.textContent = words(detail);
	});
}
call.joinUrl = link;
