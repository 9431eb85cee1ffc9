/*
 * Runs a fuzz target over every file of the directories given, and over every prefix of the short ones.
 */
#include "fuzz.h"

#define PREFIXES_BELOW 2048

/* Each input in a block of its exact size, so that a sanitizer sees every byte read beyond it. */
static void run_copy(const char *data, gsize size)
{
	g_autofree void *copy = size > 0 ? g_memdup2(data, size) : g_malloc(1);
	(void)LLVMFuzzerTestOneInput(copy, size);
}

static unsigned run_file(const char *path)
{
	g_autofree char *data = NULL;
	gsize size = 0;
	unsigned runs = 1;
	if (!g_file_get_contents(path, &data, &size, NULL))
		g_error("%s cannot be read", path);
	for (gsize prefix = 0; size < PREFIXES_BELOW && prefix < size; prefix++, runs++)
		run_copy(data, prefix);
	run_copy(data, size);
	return runs;
}

int main(int argc, char **argv)
{
	unsigned files = 0, runs = 0;
	for (int i = 1; i < argc; i++) {
		g_autoptr(GDir) directory = g_dir_open(argv[i], 0, NULL);
		const char *name;
		while (directory && (name = g_dir_read_name(directory))) {
			g_autofree char *path = g_build_filename(argv[i], name, NULL);
			runs += run_file(path);
			files++;
		}
	}
	g_print("%u seeds, %u runs\n", files, runs);
	return files > 0 ? 0 : 1;
}
