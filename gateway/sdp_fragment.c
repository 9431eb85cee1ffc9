#include "sdp.h"

#include <string.h>

#define MAX_LINES 512

static struct ap_result malformed(void)
{
	return ap_fail(AP_ERR_PROTOCOL, "sdp-malformed",
		       "The fragment must consist of SDP lines as in RFC 8840: a=ice-ufrag, a=ice-pwd, a=candidate, …");
}

/* foundation component transport priority address port "typ" type … (RFC 8839 §5.1). Read, but an ICE-lite agent
 * learns its peer's addresses from the checks it receives. */
static bool is_candidate(const char *value)
{
	g_auto(GStrv) words = g_strsplit(value, " ", 64);
	if (g_strv_length(words) < 8 || strcmp(words[6], "typ") != 0)
		return false;
	return g_ascii_string_to_unsigned(words[1], 10, 1, 256, NULL, NULL) &&
	       g_ascii_string_to_unsigned(words[3], 10, 0, UINT32_MAX, NULL, NULL) &&
	       g_ascii_string_to_unsigned(words[5], 10, 0, 65535, NULL, NULL);
}

static bool take_attribute(const char *attribute, struct ap_sdp_fragment *fragment)
{
	if (g_str_has_prefix(attribute, "ice-ufrag:")) {
		const char *value = attribute + strlen("ice-ufrag:");
		g_strlcpy(fragment->ufrag, value, sizeof fragment->ufrag);
		return ap_sdp_is_ufrag(value);
	}
	if (g_str_has_prefix(attribute, "ice-pwd:")) {
		const char *value = attribute + strlen("ice-pwd:");
		g_strlcpy(fragment->pwd, value, sizeof fragment->pwd);
		return ap_sdp_is_pwd(value);
	}
	if (!g_str_has_prefix(attribute, "candidate:"))
		return true; /* group, mid, end-of-candidates, ice-options, … */
	fragment->candidates++;
	return is_candidate(attribute + strlen("candidate:"));
}

struct ap_result ap_sdp_read_fragment(const char *text, struct ap_sdp_fragment *ret_fragment)
{
	struct ap_sdp_fragment fragment = { 0 };
	g_auto(GStrv) lines = g_strsplit(text, "\n", MAX_LINES + 1);
	if (g_strv_length(lines) > MAX_LINES)
		return malformed();
	unsigned count = 0;
	for (char **line = lines; *line; line++) {
		g_strchomp(*line);
		if (!**line)
			continue;
		if (!g_ascii_islower((*line)[0]) || (*line)[1] != '=')
			return malformed();
		if ((*line)[0] == 'a' && !take_attribute(*line + 2, &fragment))
			return malformed();
		count++;
	}
	if (count == 0 || (fragment.ufrag[0] == '\0') != (fragment.pwd[0] == '\0'))
		return malformed();
	*ret_fragment = fragment;
	return AP_SUCCESS;
}

char *ap_sdp_write_fragment(const struct ap_leg_desc *leg, const struct ap_sdp_local *local)
{
	static const char *const kinds[AP_LINES] = { "audio", "video", "video" };
	GString *out = g_string_new("a=ice-lite\r\na=group:BUNDLE");
	for (int i = 0; i < AP_LINES; i++)
		if (leg->lines[i].present)
			g_string_append_printf(out, " %s", leg->lines[i].mid);
	g_string_append(out, "\r\n");
	bool first = true;
	for (int i = 0; i < AP_LINES; i++) {
		if (!leg->lines[i].present)
			continue;
		g_string_append_printf(out, "m=%s 9 UDP/TLS/RTP/SAVPF %u\r\na=mid:%s\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\n",
				       kinds[i], leg->lines[i].pt, leg->lines[i].mid, leg->local_ufrag, leg->local_pwd);
		if (first)
			ap_sdp_append_candidates(out, local);
		first = false;
	}
	return g_string_free(out, FALSE);
}
