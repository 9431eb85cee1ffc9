#include "recorder/access/password_rule.h"

#include "recorder/access/auth.h"

#include <glib.h>
#include <string.h>

/* Words that passwords are made of; one of these and no more than a few characters beside it is too little. */
static const char *const known[] = {
	"password",  "motdepasse", "passwort", "contrasena", "qwertyuiop", "azertyuiop", "qwertzuiop", "asdfghjkl", "administrator",
	"administrateur", "letmein", "welcome", "bienvenue", "iloveyou", "jetaime", "football", "superman", "princess", "sunshine",
	"changeme", "secret", "trustno1", "aparte", "coaching", "supervisor", "supervision", "1q2w3e4r5t", "1qaz2wsx3edc", "abcdefghij",
	"0123456789", "1234567890",
};
#define MUCH_BESIDE 8 /* characters that a known word leaves to be guessed */

/* Lower case, with what is commonly put in place of letters put back; g_free. */
static char *plain_form(const char *text)
{
	static const char from[] = "@4031!$57", to[] = "aaoeiisst";
	char *form = g_ascii_strdown(text, -1);
	for (char *c = form; *c; c++) {
		const char *at = strchr(from, *c);
		if (at)
			*c = to[at - from];
	}
	return form;
}

static unsigned distinct(const char *text)
{
	bool seen[256] = {false};
	unsigned count = 0;
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		count += !seen[*c];
		seen[*c] = true;
	}
	return count;
}

/* Most steps from one character to the next are the same one: 123456…, abcdef…, 2468…, aaaa…. */
static bool is_run(const char *text)
{
	size_t len = strlen(text), same = 0;
	for (size_t i = 2; i < len; i++)
		same += text[i] - text[i - 1] == text[i - 1] - text[i - 2];
	return same * 2 > len;
}

/* The same piece over and over. */
static bool is_repeated(const char *text)
{
	size_t len = strlen(text);
	for (size_t n = 1; n <= len / 2; n++)
		if (strncmp(text, text + n, len - n) == 0)
			return true;
	return false;
}

static bool holds(const char *text, const char *word)
{
	return strstr(text, word) && strlen(text) - strlen(word) < MUCH_BESIDE;
}

static bool is_known(const char *password, const char *user)
{
	g_autofree char *lower = g_ascii_strdown(password, -1), *form = plain_form(password), *name = g_ascii_strdown(user, -1);
	bool found = strlen(name) >= 3 && holds(lower, name);
	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		found |= holds(lower, known[i]) || holds(form, known[i]);
	return found;
}

struct ap_result ap_password_check(const char *password, const char *user)
{
	size_t len = strlen(password);
	if (len < AP_PASSWORD_LEAST || len > AP_PASSWORD_MAX)
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "a password has 12 to 256 bytes");
	if (distinct(password) < 6 || is_run(password) || is_repeated(password))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "this password is a run or a repetition: take several words that do not belong together");
	if (is_known(password, user))
		return ap_fail(AP_ERR_PROTOCOL, "invalid", "this password is made of a word everybody tries, or of the user's name");
	return AP_SUCCESS;
}
