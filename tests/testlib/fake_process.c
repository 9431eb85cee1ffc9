/*
 * Stands in for a process under the launcher. What it does is in its name's last word: "steady" says READY at GO and
 * ends at STOP; "crash" ends at GO; "deaf" never answers STOP; "refuse" says FAILED. "count" tells what it was handed:
 * it says FAILED with the letters of the messages that came before GO and how many descriptors it found open. "unlinked"
 * says, once READY, that link 7 is over.
 */
#include <aparte/handoff.h>

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int open_descriptors(void)
{
	g_autoptr(GDir) fds = g_dir_open("/proc/self/fd", 0, NULL);
	int n = 0;
	while (g_dir_read_name(fds))
		n++;
	return n - 1; /* the listing itself has one */
}

int main(int argc, char **argv)
{
	const char *what = strrchr(argv[argc - 1], '-') + 1;
	g_autoptr(GString) letters = g_string_new(NULL);
	struct ap_handoff message;
	int at_start = open_descriptors();
	while (ap_ok(ap_handoff_receive(AP_HANDOFF_FD, -1, &message))) {
		g_string_append_c(letters, (char)message.type);
		if (message.type == AP_HANDOFF_STOP && strcmp(what, "deaf") != 0)
			return 0;
		if (message.type != AP_HANDOFF_GO)
			continue;
		if (strcmp(what, "crash") == 0)
			return 3;
		g_autofree char *told = g_strdup_printf("%s %d %d", letters->str, at_start, g_getenv("HOME") != NULL);
		bool says = strcmp(what, "refuse") == 0 || strcmp(what, "count") == 0;
		AP_IGNORE(ap_handoff_send(AP_HANDOFF_FD, says ? AP_HANDOFF_FAILED : AP_HANDOFF_READY, told, -1));
		if (strcmp(what, "unlinked") == 0)
			AP_IGNORE(ap_handoff_send(AP_HANDOFF_FD, AP_HANDOFF_UNLINKED, "7", -1));
	}
	return 0;
}
