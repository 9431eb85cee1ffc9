/* The report of incident.h as Markdown. */
#include "recorder/erasure/incident.h"

#include <glib.h>
#include <string.h>

enum word {
	W_TITLE, W_SUMMARY, W_AWARE, W_DUE, W_STATE, W_OPEN, W_OVERDUE, W_NOTIFIED, W_CLOSED, W_WINDOW, W_EVERYBODY, W_COUNTS,
	W_RECORDINGS, W_PERSONS, W_NOTES, W_NOBODY, W_RECORDING, W_COACH, W_COACHEE, W_RSTATE, W_WHO, W_PURPOSE, W_REASON, W_BEGUN,
	W_ENDED, W_BYTES, W_PERSON, W_GENERATED, WORDS
};

static const char *const words[2][WORDS] = {
	{"Incident", "Summary", "Became known", "To be notified by (72 hours, GDPR art. 33)", "State", "open", "overdue",
	 "Authority notified", "Closed", "Accesses between", "everybody", "Recordings, persons, accesses", "Affected recordings",
	 "Affected persons", "Notes", "none", "Recording", "Coach", "Coachee", "State", "Who", "Purpose", "Reason", "Begun", "Ended",
	 "Bytes", "Person", "Made from the access log at"},
	{"Incident", "Résumé", "Connu le", "À notifier avant le (72 heures, art. 33 du RGPD)", "État", "ouvert", "en retard",
	 "Autorité notifiée le", "Clos le", "Accès entre", "tout le monde", "Enregistrements, personnes, accès",
	 "Enregistrements concernés", "Personnes concernées", "Notes", "aucun", "Enregistrement", "Coach", "Coaché", "État", "Qui",
	 "Finalité", "Motif", "Début", "Fin", "Octets", "Personne", "Établi à partir du journal des accès le"},
};

static const char *text(JsonObject *o, const char *name)
{
	return json_object_get_string_member_with_default(o, name, "");
}

/* In a cell or a line of its own: nothing that Markdown would read as structure. */
static char *plain(const char *value)
{
	GString *out = g_string_new(NULL);
	for (const char *c = value; *c; c++) {
		if (strchr("\\`*_{}[]<>|#", *c))
			g_string_append_c(out, '\\');
		g_string_append_c(out, g_ascii_iscntrl(*c) ? ' ' : *c);
	}
	return g_string_free(out, FALSE);
}

static void line(GString *md, const char *label, const char *value)
{
	g_autofree char *safe = plain(value);
	if (*value)
		g_string_append_printf(md, "- %s: %s\n", label, safe);
}

static void cell(GString *md, const char *value)
{
	g_autofree char *safe = plain(value);
	g_string_append_printf(md, " %s |", safe);
}

static void add_head(GString *md, JsonObject *report, const char *const *w)
{
	JsonObject *i = json_object_get_object_member(report, "incident");
	g_autofree char *window = g_strdup_printf("%s – %s (%s)", text(report, "from"), text(report, "to"),
						  *text(report, "user") ? text(report, "user") : w[W_EVERYBODY]);
	g_autofree char *counts =
		g_strdup_printf("%u, %u, %lld", json_array_get_length(json_object_get_array_member(report, "recordings")),
				json_array_get_length(json_object_get_array_member(report, "persons")),
				(long long)json_object_get_int_member(report, "accesses"));
	bool open = strcmp(text(i, "state"), "open") == 0;
	g_string_append_printf(md, "# %s %s\n\n", w[W_TITLE], text(i, "id"));
	line(md, w[W_SUMMARY], text(i, "summary"));
	line(md, w[W_AWARE], text(i, "aware"));
	line(md, w[W_DUE], text(i, "due"));
	line(md, w[W_STATE], !open ? text(i, "outcome") : json_object_get_boolean_member(i, "overdue") ? w[W_OVERDUE] : w[W_OPEN]);
	line(md, w[W_NOTIFIED], text(i, "notified"));
	line(md, w[W_CLOSED], text(i, "closed"));
	line(md, w[W_WINDOW], window);
	line(md, w[W_COUNTS], counts);
	line(md, w[W_GENERATED], text(report, "generated"));
}

static void add_accesses(GString *md, JsonObject *recording)
{
	JsonArray *accesses = json_object_get_array_member(recording, "accesses");
	for (guint i = 0; i < json_array_get_length(accesses); i++) {
		JsonObject *a = json_array_get_object_element(accesses, i);
		g_autofree char *bytes = g_strdup_printf("%lld", (long long)json_object_get_int_member(a, "bytes"));
		const char *const cells[] = {text(recording, "recording"), text(recording, "state"), text(recording, "coach"),
					     text(recording, "coachee"), text(a, "who"), text(a, "purpose"), text(a, "reason"),
					     text(a, "begun"), text(a, "ended"), bytes};
		g_string_append_c(md, '|');
		for (size_t k = 0; k < G_N_ELEMENTS(cells); k++)
			cell(md, cells[k]);
		g_string_append_c(md, '\n');
	}
}

static void add_recordings(GString *md, JsonObject *report, const char *const *w)
{
	JsonArray *list = json_object_get_array_member(report, "recordings");
	g_string_append_printf(md, "\n## %s\n\n", w[W_RECORDINGS]);
	if (json_array_get_length(list) == 0) {
		g_string_append_printf(md, "%s\n", w[W_NOBODY]);
		return;
	}
	g_string_append_printf(md, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n|---|---|---|---|---|---|---|---|---|---|\n",
			       w[W_RECORDING], w[W_RSTATE], w[W_COACH], w[W_COACHEE], w[W_WHO], w[W_PURPOSE], w[W_REASON], w[W_BEGUN],
			       w[W_ENDED], w[W_BYTES]);
	for (guint i = 0; i < json_array_get_length(list); i++)
		add_accesses(md, json_array_get_object_element(list, i));
}

static void add_persons(GString *md, JsonObject *report, const char *const *w)
{
	JsonArray *list = json_object_get_array_member(report, "persons");
	g_string_append_printf(md, "\n## %s\n\n", w[W_PERSONS]);
	if (json_array_get_length(list) == 0)
		g_string_append_printf(md, "%s\n", w[W_NOBODY]);
	else
		g_string_append_printf(md, "| %s | %s |\n|---|---|\n", w[W_PERSON], w[W_RECORDINGS]);
	for (guint i = 0; i < json_array_get_length(list); i++) {
		JsonObject *person = json_array_get_object_element(list, i);
		JsonArray *recordings = json_object_get_array_member(person, "recordings");
		g_autoptr(GString) ids = g_string_new(NULL);
		for (guint k = 0; k < json_array_get_length(recordings); k++)
			g_string_append_printf(ids, "%s%s", k ? ", " : "", json_array_get_string_element(recordings, k));
		g_string_append_c(md, '|');
		cell(md, text(person, "person"));
		cell(md, ids->str);
		g_string_append_c(md, '\n');
	}
}

static void add_notes(GString *md, JsonObject *report, const char *const *w)
{
	JsonArray *list = json_object_get_array_member(json_object_get_object_member(report, "incident"), "notes");
	if (json_array_get_length(list) > 0)
		g_string_append_printf(md, "\n## %s\n\n", w[W_NOTES]);
	for (guint i = 0; i < json_array_get_length(list); i++) {
		JsonObject *note = json_array_get_object_element(list, i);
		g_autofree char *label = g_strdup_printf("%s, %s", text(note, "at"), text(note, "by"));
		line(md, label, text(note, "text"));
	}
}

char *ap_incident_markdown(JsonObject *report, const char *lang)
{
	const char *const *w = words[g_strcmp0(lang, "fr") == 0];
	GString *md = g_string_new(NULL);
	add_head(md, report, w);
	add_recordings(md, report, w);
	add_persons(md, report, w);
	add_notes(md, report, w);
	return g_string_free(md, FALSE);
}
