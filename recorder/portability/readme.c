#include "recorder/portability/readme.h"

#include <string.h>

struct words {
	const char *head, *film, *tail, *shared, *own, *absent;
};

static const struct words french = {
	.head = "Vos données, exportées à votre demande (RGPD, art. 20)\r\n\r\n"
		"data.json, data.md       toutes les données détenues sur vous pour cette séance\r\n"
		"csv/                     les mêmes listes, pour un tableur\r\n"
		"tracks/                  votre propre piste de chaque enregistrement (WebM)\r\n",
	.film = "films/                   vous deux côte à côte, le coach à gauche (WebM)\r\n",
	.tail = "session.vcon.json        la séance au format vCon (IETF draft-ietf-vcon-vcon-core), avec vos consentements\r\n\r\n",
	.shared = "L'autre personne vous permet d'emporter un film où elle est vue et entendue. Il vous est confié : ne le\r\n"
		  "transmettez à personne sans son accord.\r\n",
	.own = "L'image et la voix de l'autre personne n'y sont pas : votre droit à une copie ne porte pas atteinte aux droits\r\n"
	       "d'autrui (art. 15(4) et 20(4)). L'ensemble reste visible depuis votre page tant que vous y consentez tous deux.\r\n",
	.absent = "\r\nCe qui n'y est pas, et pourquoi :\r\n",
};

static const struct words english = {
	.head = "Your data, exported at your request (GDPR art. 20)\r\n\r\n"
		"data.json, data.md       all data held on you for this session\r\n"
		"csv/                     the same lists, for a spreadsheet\r\n"
		"tracks/                  your own track of each recording (WebM)\r\n",
	.film = "films/                   both of you side by side, the coach on the left (WebM)\r\n",
	.tail = "session.vcon.json        the session as a vCon (IETF draft-ietf-vcon-vcon-core), with your consents\r\n\r\n",
	.shared = "The other person allows you to take away a film that shows them and lets them be heard. It is entrusted to\r\n"
		  "you: pass it on to nobody without their agreement.\r\n",
	.own = "The other person's picture and voice are not in it: your right to a copy does not adversely affect the rights\r\n"
	       "of others (art. 15(4) and 20(4)). The whole can be watched from your page for as long as both of you consent.\r\n",
	.absent = "\r\nWhat is not in it, and why:\r\n",
};

char *ap_archive_readme(const char *lang, bool films, const GPtrArray *absent)
{
	const struct words *w = strcmp(lang, "fr") == 0 ? &french : &english;
	GString *text = g_string_new(w->head);
	if (films)
		g_string_append(text, w->film);
	g_string_append(text, w->tail);
	g_string_append(text, films ? w->shared : w->own);
	if (absent->len > 0)
		g_string_append(text, w->absent);
	for (guint i = 0; i < absent->len; i++)
		g_string_append_printf(text, "  %s\r\n", (const char *)absent->pdata[i]);
	return g_string_free(text, FALSE);
}
