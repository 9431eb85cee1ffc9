#include "recorder/portability/readme.h"

#include <string.h>

static const char french[] =
	"Vos données, exportées à votre demande (RGPD, art. 20)\r\n\r\n"
	"data.json, data.md       toutes les données détenues sur vous pour cette séance\r\n"
	"csv/                     les mêmes listes, pour un tableur\r\n"
	"tracks/                  votre propre piste de chaque enregistrement (WebM)\r\n"
	"session.vcon.json        la séance au format vCon (IETF draft-ietf-vcon-vcon-core), avec vos consentements\r\n\r\n"
	"L'image et la voix de l'autre personne n'y sont pas : votre droit à une copie ne porte pas atteinte aux droits\r\n"
	"d'autrui (art. 15(4) et 20(4)). L'ensemble reste visible depuis votre page tant que vous y consentez tous deux.\r\n";

static const char english[] =
	"Your data, exported at your request (GDPR art. 20)\r\n\r\n"
	"data.json, data.md       all data held on you for this session\r\n"
	"csv/                     the same lists, for a spreadsheet\r\n"
	"tracks/                  your own track of each recording (WebM)\r\n"
	"session.vcon.json        the session as a vCon (IETF draft-ietf-vcon-vcon-core), with your consents\r\n\r\n"
	"The other person's picture and voice are not in it: your right to a copy does not adversely affect the rights\r\n"
	"of others (art. 15(4) and 20(4)). The whole can be watched from your page for as long as both of you consent.\r\n";

char *ap_archive_readme(const char *lang, const GPtrArray *absent)
{
	bool is_french = strcmp(lang, "fr") == 0;
	GString *text = g_string_new(is_french ? french : english);
	if (absent->len > 0)
		g_string_append(text, is_french ? "\r\nEnregistrements absents, et pourquoi :\r\n" :
						  "\r\nRecordings that are not in it, and why:\r\n");
	for (guint i = 0; i < absent->len; i++)
		g_string_append_printf(text, "  %s\r\n", (const char *)absent->pdata[i]);
	return g_string_free(text, FALSE);
}
