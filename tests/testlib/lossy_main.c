/*
 * The bad network as a program, for tests in other languages:
 *
 *	lossy ADDRESS GATEWAY_ADDRESS GATEWAY_PORT SEED UP DOWN       (UP and DOWN as ap_lossy_parse() reads them, or -)
 *
 * Its first line of output is its port. Lines of standard input command it: `rebind`; `up …` and `down …` set a
 * direction anew; `counts` answers one line, the datagrams taken and lost, up then down. It ends at end of input.
 */
#include "tests/testlib/lossy.h"

#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARGUMENTS = 7, LINE = 256 };

static bool read_path(const char *text, struct ap_lossy_path *ret_path)
{
	*ret_path = (struct ap_lossy_path){0};
	return strcmp(text, "-") == 0 || ap_lossy_parse(text, ret_path);
}

static bool obey(struct ap_lossy *l, char *line)
{
	struct ap_lossy_path path;
	g_strchomp(line);
	char *rest = strchr(line, ' ');
	if (rest)
		*rest++ = 0;
	enum ap_lossy_way way = strcmp(line, "up") == 0 ? AP_LOSSY_UP : AP_LOSSY_DOWN;
	if (strcmp(line, "rebind") == 0) {
		ap_lossy_rebind(l);
	} else if (strcmp(line, "counts") == 0) {
		struct ap_lossy_counts up = ap_lossy_counts(l, AP_LOSSY_UP), down = ap_lossy_counts(l, AP_LOSSY_DOWN);
		printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", up.packets, up.lost, down.packets, down.lost);
	} else if (rest && (strcmp(line, "up") == 0 || strcmp(line, "down") == 0) && read_path(rest, &path)) {
		ap_lossy_set(l, way, &path);
	} else {
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	char line[LINE];
	struct ap_lossy_options options = {0};
	if (argc != ARGUMENTS || !read_path(argv[5], &options.paths[AP_LOSSY_UP]) ||
	    !read_path(argv[6], &options.paths[AP_LOSSY_DOWN])) {
		fputs("lossy ADDRESS GATEWAY_ADDRESS GATEWAY_PORT SEED UP DOWN\n", stderr);
		return 2;
	}
	options.address = argv[1];
	options.gateway_address = argv[2];
	options.gateway_port = (uint16_t)strtoul(argv[3], NULL, 10);
	options.seed = strtoull(argv[4], NULL, 10);
	struct ap_lossy *l = ap_lossy_new(&options);
	if (!l) {
		fputs("lossy: no socket\n", stderr);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("%u\n", ap_lossy_port(l));
	while (fgets(line, sizeof line, stdin))
		if (!obey(l, line))
			fprintf(stderr, "lossy: what is %s?\n", line);
	ap_lossy_free(l);
	return 0;
}
