/* aparte register: the register of processing activities, and what was disclosed. */
#include "cli/client.h"
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static const char usage[] = "[--lang fr|en] [--format md|csv] | disclosures";

static int print(struct ap_client *c, const struct ap_client_options *options, const char *lang, const char *format)
{
	g_autofree char *language = g_uri_escape_string(lang ? lang : "en", NULL, FALSE);
	g_autofree char *form = g_uri_escape_string(options->json ? "json" : format ? format : "md", NULL, FALSE);
	g_autofree char *path = g_strconcat("/v1/register?lang=", language, "&format=", form, NULL);
	g_autoptr(JsonNode) answer = NULL;
	g_autoptr(GBytes) text = NULL;
	if (options->json) {
		if (!ap_client_call(c, "GET", path, NULL, &answer))
			return AP_EXIT_FAILED;
		ap_client_print_json(answer);
		return AP_EXIT_OK;
	}
	if (!ap_client_fetch(c, path, &text))
		return AP_EXIT_FAILED;
	gsize size;
	const char *bytes = g_bytes_get_data(text, &size);
	return fwrite(bytes, 1, size, stdout) == size ? AP_EXIT_OK : AP_EXIT_FAILED;
}

static int run(struct ap_client *c, const struct ap_client_options *options, int argc, char **argv, const char *lang,
	       const char *format)
{
	static const char *const columns[] = {"begun",  "who",       "role",  "how", "purpose",
					      "reason", "recording", "bytes", NULL};
	if (argc == 1)
		return print(c, options, lang, format);
	if (argc == 2 && strcmp(argv[1], "disclosures") == 0)
		return ap_client_list(c, options, "/v1/register/disclosures", "disclosures", columns);
	fprintf(stderr, "usage: aparte register %s\n", usage);
	return AP_EXIT_USAGE;
}

int ap_cmd_register(int argc, char **argv)
{
	g_autofree char *lang = NULL, *format = NULL;
	struct ap_client_options options = {0};
	const GOptionEntry entries[] = {
		{"lang", 0, 0, G_OPTION_ARG_STRING, &lang, "fr or en (en)", "LANG"},
		{"format", 0, 0, G_OPTION_ARG_STRING, &format, "md or csv (md)", "FORMAT"},
		{NULL, 0, 0, 0, NULL, NULL, NULL},
	};
	int status = ap_client_parse(&options, usage,
				     "The register of processing activities (GDPR art. 30), and what was disclosed.",
				     entries, &argc, &argv);
	if (status < 0) {
		struct ap_client *c = ap_client_new(&options);
		status = run(c, &options, argc, argv, lang, format);
		ap_client_free(c);
	}
	ap_client_options_clear(&options);
	return status;
}
