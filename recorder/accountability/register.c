#include "recorder/accountability/register.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

enum word {
	W_TITLE, W_GENERATED, W_OPERATOR, W_CONTACT, W_DPO, W_COMPLAINT, W_ASSESSMENT, W_STORAGE, W_TENANT, W_CAPACITY,
	W_CONTROLLER, W_AGREEMENT, W_POLICY, W_REGION, W_ACTIVITY, W_BASIS, W_PERSONS, W_DATA, W_RETENTION, W_DECIDED,
	W_REASON, W_RECIPIENTS, W_NAME, W_ROLE, W_PLACE, W_PURPOSE, W_SINCE, W_MEASURES, W_UNSET, W_ALL_TENANTS,
	W_IS_CONTROLLER, W_IS_PROCESSOR, W_IS_JOINT, W_RECIPIENT, W_PROCESSOR, W_SUB_PROCESSOR, W_DAYS, W_MONTHS, W_SECONDS,
	W_LIFE, W_CONSENT, W_DUTY, W_SPEAKERS, W_STAFF, W_MEDIA, W_PROOF_DATA, W_ACCESS_DATA, W_PROOF, W_ACCESS, W_M_KEYS, W_M_ACCESS,
	W_M_REVIEW, W_M_TURNOVER, W_M_HORIZON, WORDS
};

static const char *const words[2][WORDS] = {
	{"Register of processing activities (GDPR art. 30)", "Made from the configuration in force at", "Operator", "Contact",
	 "Data-protection officer", "Complaints to", "Impact assessment", "Storage", "Tenant", "The operator is", "Controller",
	 "Agreement", "Policy", "Region", "Activity", "Legal basis", "Persons", "Data", "Kept at most", "Decided by", "Reason",
	 "Recipients and processors", "Name", "Role", "Place", "Purpose", "Since", "Measures", "not set", "all tenants",
	 "controller", "processor for the tenant", "joint controller with the tenant", "recipient", "processor", "sub-processor",
	 "days", "months", "seconds", "or the recording's life, where that is longer",
	 "consent of both persons (art. 6(1)(a))", "legal obligation: to demonstrate (art. 5(2), 6(1)(c), 7(1))",
	 "coach and coachee", "coach, coachee, staff with access", "picture and voice, encrypted", "signed statement, its time, the notice's hash",
	 "who, when, what, why", "Proof of consent", "Log of accesses",
	 "each recording is encrypted with keys of its own, made of three shares", "every access needs a reason and is in a log that cannot be altered unnoticed",
	 "accesses and accounts are reviewed every {n} days", "the key-encryption key is replaced within {n} hours of an erasure",
	 "backups hold no key older than {n} days"},
	{"Registre des activités de traitement (art. 30 du RGPD)", "Établi d'après la configuration en vigueur le", "Exploitant", "Contact",
	 "Délégué à la protection des données", "Réclamations auprès de", "Analyse d'impact", "Stockage", "Client", "L'exploitant est",
	 "Responsable du traitement", "Contrat", "Politique", "Région", "Activité", "Base légale", "Personnes", "Données",
	 "Conservé au plus", "Décidé par", "Motif", "Destinataires et sous-traitants", "Nom", "Qualité", "Lieu", "Finalité", "Depuis", "Mesures",
	 "non renseigné", "tous les clients", "responsable du traitement", "sous-traitant du client",
	 "responsable conjoint avec le client", "destinataire", "sous-traitant", "sous-traitant ultérieur", "jours", "mois", "secondes",
	 "ou la vie de l'enregistrement, si elle est plus longue", "consentement des deux personnes (art. 6(1)(a))",
	 "obligation légale : démontrer (art. 5(2), 6(1)(c), 7(1))", "coach et coaché", "coach, coaché, personnel ayant accès",
	 "image et voix, chiffrées", "déclaration signée, sa date, l'empreinte de la notice", "qui, quand, quoi, pourquoi",
	 "Preuve du consentement", "Journal des accès", "chaque enregistrement est chiffré avec ses propres clés, faites de trois parts",
	 "tout accès a un motif et figure dans un journal qui ne peut être modifié sans que cela se voie",
	 "accès et comptes sont revus tous les {n} jours", "la clé de chiffrement des clés est remplacée dans les {n} heures suivant un effacement",
	 "les sauvegardes ne contiennent aucune clé de plus de {n} jours"},
};

static const char *const *words_of(const char *lang)
{
	return words[g_strcmp0(lang, "fr") == 0];
}

static const char *text(JsonObject *o, const char *name)
{
	return json_object_get_string_member_with_default(o, name, "");
}

static const char *or_unset(const char *value, const char *const *w)
{
	return *value ? value : w[W_UNSET];
}

static const char *capacity_of(JsonObject *tenant, const char *const *w)
{
	const char *capacity = text(tenant, "capacity");
	if (strcmp(capacity, "controller") == 0)
		return w[W_IS_CONTROLLER];
	if (strcmp(capacity, "processor") == 0)
		return w[W_IS_PROCESSOR];
	return strcmp(capacity, "joint") == 0 ? w[W_IS_JOINT] : w[W_UNSET];
}

static const char *role_of(JsonObject *recipient, const char *const *w)
{
	const char *role = text(recipient, "role");
	if (strcmp(role, "processor") == 0)
		return w[W_PROCESSOR];
	return strcmp(role, "sub_processor") == 0 ? w[W_SUB_PROCESSOR] : w[W_RECIPIENT];
}

/* What an activity is about follows from its id. */
enum cell { C_TITLE, C_BASIS, C_PERSONS, C_DATA, C_RETENTION, C_DECIDED, C_REASON, CELLS };

static char *retention_of(JsonObject *activity, const char *const *w)
{
	JsonObject *keep = json_object_get_object_member(activity, "keep");
	const char *unit = text(keep, "unit");
	enum word word = strcmp(unit, "months") == 0 ? W_MONTHS : strcmp(unit, "days") == 0 ? W_DAYS : W_SECONDS;
	bool log = strcmp(text(activity, "id"), "access_log") == 0;
	return g_strdup_printf("%" G_GINT64_FORMAT " %s%s%s", json_object_get_int_member(keep, "number"), w[word],
			       log ? ", " : "", log ? w[W_LIFE] : "");
}

static GStrv cells_of(JsonObject *activity, const char *const *w)
{
	const char *id = text(activity, "id");
	bool proof = strcmp(id, "consent_proof") == 0, log = strcmp(id, "access_log") == 0;
	GStrv cells = g_new0(char *, CELLS + 1);
	cells[C_TITLE] = g_strdup(proof ? w[W_PROOF] : log ? w[W_ACCESS] : text(activity, "title"));
	cells[C_BASIS] = g_strdup(proof || log ? w[W_DUTY] : w[W_CONSENT]);
	cells[C_PERSONS] = g_strdup(log ? w[W_STAFF] : w[W_SPEAKERS]);
	cells[C_DATA] = g_strdup(proof ? w[W_PROOF_DATA] : log ? w[W_ACCESS_DATA] : w[W_MEDIA]);
	cells[C_RETENTION] = retention_of(activity, w);
	cells[C_DECIDED] = g_strdup(text(activity, "decided_by"));
	cells[C_REASON] = g_strdup(text(activity, "reason"));
	return cells;
}

static void add_measure(GPtrArray *list, JsonObject *measures, const char *member, const char *sentence)
{
	if (!json_object_has_member(measures, member))
		return;
	g_autofree char *number = g_strdup_printf("%" G_GINT64_FORMAT, json_object_get_int_member(measures, member));
	g_auto(GStrv) parts = g_strsplit(sentence, "{n}", 2);
	g_ptr_array_add(list, g_strjoinv(number, parts));
}

static GStrv measures_of(JsonObject *facts, const char *const *w)
{
	JsonObject *measures = json_object_get_object_member(facts, "measures");
	GPtrArray *list = g_ptr_array_new();
	g_ptr_array_add(list, g_strdup(w[W_M_KEYS]));
	g_ptr_array_add(list, g_strdup(w[W_M_ACCESS]));
	add_measure(list, measures, "review_days", w[W_M_REVIEW]);
	add_measure(list, measures, "turnover_hours", w[W_M_TURNOVER]);
	add_measure(list, measures, "key_horizon_days", w[W_M_HORIZON]);
	g_ptr_array_add(list, NULL);
	return (GStrv)g_ptr_array_free(list, FALSE);
}

/* ---- Markdown ---- */

/* In a cell or a line of its own: nothing that Markdown would read as structure. */
static void put_plain(GString *md, const char *value)
{
	for (const char *c = value; *c; c++) {
		if (strchr("\\`*_{}[]<>|#", *c))
			g_string_append_c(md, '\\');
		g_string_append_c(md, g_ascii_iscntrl(*c) ? ' ' : *c);
	}
}

static void line(GString *md, const char *label, const char *value)
{
	g_string_append_printf(md, "- %s: ", label);
	put_plain(md, value);
	g_string_append_c(md, '\n');
}

static void table_line(GString *md, const char *const *cells, size_t n)
{
	g_string_append_c(md, '|');
	for (size_t i = 0; i < n; i++) {
		g_string_append_c(md, ' ');
		put_plain(md, cells[i]);
		g_string_append(md, " |");
	}
	g_string_append_c(md, '\n');
}

static void table_head(GString *md, const char *const *cells, size_t n)
{
	g_string_append_c(md, '\n');
	table_line(md, cells, n);
	for (size_t i = 0; i < n; i++)
		g_string_append(md, "|---");
	g_string_append(md, "|\n");
}

static void add_tenant(GString *md, JsonObject *tenant, const char *const *w)
{
	const char *const head[] = {w[W_ACTIVITY], w[W_BASIS], w[W_PERSONS], w[W_DATA], w[W_RETENTION], w[W_DECIDED], w[W_REASON]};
	JsonArray *activities = json_object_get_array_member(tenant, "activities");
	g_string_append_printf(md, "\n## %s ", w[W_TENANT]);
	put_plain(md, text(tenant, "name"));
	g_string_append(md, "\n\n");
	line(md, w[W_CAPACITY], capacity_of(tenant, w));
	line(md, w[W_CONTROLLER], or_unset(text(tenant, "controller"), w));
	line(md, w[W_CONTACT], or_unset(text(tenant, "contact"), w));
	line(md, w[W_AGREEMENT], or_unset(text(tenant, "agreement"), w));
	line(md, w[W_POLICY], text(tenant, "policy"));
	if (*text(tenant, "region"))
		line(md, w[W_REGION], text(tenant, "region"));
	table_head(md, head, CELLS);
	for (guint i = 0; i < json_array_get_length(activities); i++) {
		g_auto(GStrv) cells = cells_of(json_array_get_object_element(activities, i), w);
		table_line(md, (const char *const *)cells, CELLS);
	}
}

static void add_recipients(GString *md, JsonArray *recipients, const char *const *w)
{
	const char *const head[] = {w[W_NAME], w[W_ROLE], w[W_PLACE], w[W_PURPOSE], w[W_SINCE], w[W_TENANT]};
	g_string_append_printf(md, "\n## %s\n", w[W_RECIPIENTS]);
	table_head(md, head, G_N_ELEMENTS(head));
	for (guint i = 0; i < json_array_get_length(recipients); i++) {
		JsonObject *r = json_array_get_object_element(recipients, i);
		const char *tenant = text(r, "tenant");
		const char *const cells[] = {text(r, "name"),	 role_of(r, w),	   text(r, "place"),
					     text(r, "purpose"), text(r, "since"), *tenant ? tenant : w[W_ALL_TENANTS]};
		table_line(md, cells, G_N_ELEMENTS(cells));
	}
}

char *ap_register_markdown(JsonObject *facts, const char *lang)
{
	const char *const *w = words_of(lang);
	JsonObject *controller = json_object_get_object_member(facts, "controller");
	JsonArray *tenants = json_object_get_array_member(facts, "tenants");
	g_auto(GStrv) measures = measures_of(facts, w);
	GString *md = g_string_new(NULL);
	g_string_append_printf(md, "# %s\n\n", w[W_TITLE]);
	line(md, w[W_GENERATED], text(facts, "generated"));
	line(md, w[W_OPERATOR], or_unset(text(controller, "name"), w));
	line(md, w[W_CONTACT], or_unset(text(controller, "contact"), w));
	line(md, w[W_DPO], or_unset(text(facts, "dpo"), w));
	line(md, w[W_COMPLAINT], or_unset(text(facts, "complaint"), w));
	line(md, w[W_ASSESSMENT], or_unset(text(facts, "impact_assessment"), w));
	line(md, w[W_STORAGE], or_unset(text(facts, "storage"), w));
	for (guint i = 0; i < json_array_get_length(tenants); i++)
		add_tenant(md, json_array_get_object_element(tenants, i), w);
	add_recipients(md, json_object_get_array_member(facts, "recipients"), w);
	g_string_append_printf(md, "\n## %s\n\n", w[W_MEASURES]);
	for (size_t i = 0; measures[i]; i++)
		g_string_append_printf(md, "- %s\n", measures[i]);
	return g_string_free(md, FALSE);
}

/* ---- CSV ---- */

/* Quoted always; what a spreadsheet would take for a formula begins with an apostrophe. */
static void put_csv(GString *csv, const char *value, bool last)
{
	g_string_append(csv, *value && strchr("=+-@\t\r", *value) ? "\"'" : "\"");
	for (const char *c = value; *c; c++) {
		if (*c == '"')
			g_string_append_c(csv, '"');
		g_string_append_c(csv, *c);
	}
	g_string_append(csv, last ? "\"\r\n" : "\",");
}

/* Those of a tenant and of all: "name (role, place): purpose; …". */
static char *recipients_of(JsonObject *facts, const char *tenant, const char *const *w)
{
	g_autoptr(GString) list = g_string_new(NULL);
	JsonArray *recipients = json_object_get_array_member(facts, "recipients");
	for (guint i = 0; i < json_array_get_length(recipients); i++) {
		JsonObject *r = json_array_get_object_element(recipients, i);
		if (*text(r, "tenant") && strcmp(text(r, "tenant"), tenant) != 0)
			continue;
		g_string_append_printf(list, "%s%s (%s, %s): %s", list->len ? "; " : "", text(r, "name"), role_of(r, w),
				       text(r, "place"), text(r, "purpose"));
	}
	return g_strdup(list->str);
}

static void add_lines(GString *csv, JsonObject *facts, JsonObject *tenant, const char *measures, const char *const *w)
{
	JsonArray *activities = json_object_get_array_member(tenant, "activities");
	g_autofree char *recipients = recipients_of(facts, text(tenant, "name"), w);
	const char *const before[] = {text(tenant, "name"), capacity_of(tenant, w), text(tenant, "controller"),
				      text(tenant, "contact"), text(facts, "dpo"), text(tenant, "agreement")};
	for (guint i = 0; i < json_array_get_length(activities); i++) {
		g_auto(GStrv) cells = cells_of(json_array_get_object_element(activities, i), w);
		for (size_t j = 0; j < G_N_ELEMENTS(before); j++)
			put_csv(csv, before[j], false);
		for (size_t j = 0; j < CELLS; j++)
			put_csv(csv, cells[j], false);
		put_csv(csv, recipients, false);
		put_csv(csv, measures, true);
	}
}

char *ap_register_csv(JsonObject *facts, const char *lang)
{
	static const enum word head[] = {W_TENANT, W_CAPACITY, W_CONTROLLER, W_CONTACT, W_DPO, W_AGREEMENT, W_ACTIVITY, W_BASIS,
					 W_PERSONS, W_DATA, W_RETENTION, W_DECIDED, W_REASON, W_RECIPIENTS, W_MEASURES};
	const char *const *w = words_of(lang);
	g_auto(GStrv) measures = measures_of(facts, w);
	g_autofree char *measured = g_strjoinv("; ", measures);
	JsonArray *tenants = json_object_get_array_member(facts, "tenants");
	GString *csv = g_string_new(NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(head); i++)
		put_csv(csv, w[head[i]], i + 1 == G_N_ELEMENTS(head));
	for (guint i = 0; i < json_array_get_length(tenants); i++)
		add_lines(csv, facts, json_array_get_object_element(tenants, i), measured, w);
	return g_string_free(csv, FALSE);
}
