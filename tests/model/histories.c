/*
 * Consent histories (R1, R2, R5, R7, R31, R34): random events by both persons and everything around them, against the
 * real vault, with an independent model asked after each event.
 *
 *     histories [--histories N] [--seed N] [--only I] [--every N]
 *
 * Without arguments: APARTE_TEST_SEED (else a random seed, printed) and 2,000 histories, or as many as
 * APARTE_TORTURE_SECONDS allow. --only runs the I-th history of a seed and prints its events; --every prints a line
 * after so many. A failing history is cut down to its shortest form before it is printed.
 */
#include "tests/model/compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HISTORIES 2000
#define SESSIONS_A_VAULT 40 /* then a new one: small databases are fast ones */

struct run {
	struct subject *subject;
	unsigned in_this_vault;
	uint64_t events;
	char *wrong; /* owned */
	bool print;
};

static void fresh(struct run *run)
{
	if (run->subject)
		subject_free(run->subject);
	run->subject = subject_new();
	run->in_this_vault = 0;
}

/* What the next history must not find changed. */
static void back_to_good_order(struct subject *s, const struct reference *r)
{
	const struct {
		bool needed;
		struct event event;
	} undo[] = {
		{ true, { EV_DEAF, 0, 0, 0 } },
		{ r->broken, { EV_LEDGER, 0, 0, 0 } },
		{ r->storage_low, { EV_STORAGE, 0, 0, 0 } },
		{ r->lockdown, { EV_LOCKDOWN, 0, 0, 0 } },
		{ !r->link, { EV_LINK, 0, 1, 0 } },
		{ r->unsealed > 0, { EV_RESTART, 0, 0, 0 } },
		{ true, { EV_END, 0, 0, 0 } },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(undo); i++)
		if (undo[i].needed)
			subject_apply(s, &undo[i].event);
}

/* True when all went as the model says; else run->wrong. */
static bool one_history(struct run *run, const GArray *events)
{
	struct reference r;
	struct expected x;
	if (!run->subject || run->in_this_vault++ >= SESSIONS_A_VAULT)
		fresh(run);
	struct subject *s = run->subject;
	subject_begin(s);
	reference_begin(&r, s->log);
	g_clear_pointer(&run->wrong, g_free);
	for (guint i = 0; i < events->len && !run->wrong; i++) {
		const struct event *e = &g_array_index(events, struct event, i);
		if (!reference_applies(&r, e))
			continue;
		g_autofree char *text = script_text(e);
		if (run->print) {
			printf("  %s\n", text);
			fflush(stdout);
		}
		subject_apply(s, e);
		reference_apply(&r, e, s->said_ms, s->w->wall_ms, &x);
		run->events++;
		g_autofree char *wrong = compare(s, &r, &x, e);
		if (wrong)
			run->wrong = g_strdup_printf("after event %u (%s): %s", i, text, wrong);
	}
	if (run->wrong)
		fresh(run); /* who knows what it left behind */
	else
		back_to_good_order(s, &r);
	return run->wrong == NULL;
}

static bool still_fails(const GArray *events, void *data)
{
	return !one_history(data, events);
}

static void report(struct run *run, const GArray *events, uint64_t seed, uint64_t number)
{
	printf("FAILED: seed %" G_GUINT64_FORMAT " history %" G_GUINT64_FORMAT ": %s\n", seed, number, run->wrong);
	g_autoptr(GArray) least = script_shrink(events, still_fails, run);
	run->print = true;
	printf("shortest history found:\n");
	(void)one_history(run, least);
	run->print = false;
	printf("%s\n", run->wrong ? run->wrong : "(does not fail again)");
	fflush(stdout);
}

struct options {
	uint64_t histories, seed, only, every;
	bool has_only;
	int64_t until_us; /* 0: by count */
};

static uint64_t number(const char *text)
{
	return text ? g_ascii_strtoull(text, NULL, 10) : 0;
}

static struct options read_options(int argc, char **argv)
{
	const char *seed = g_getenv("APARTE_TEST_SEED"), *seconds = g_getenv("APARTE_TORTURE_SECONDS");
	struct options o = { .histories = HISTORIES, .seed = seed ? number(seed) : g_random_int() };
	if (seconds) {
		o.until_us = g_get_monotonic_time() + (int64_t)number(seconds) * G_USEC_PER_SEC;
		o.histories = UINT64_MAX;
	}
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--histories") == 0) {
			o.histories = number(argv[i + 1]);
			o.until_us = 0;
		} else if (strcmp(argv[i], "--seed") == 0) {
			o.seed = number(argv[i + 1]);
		} else if (strcmp(argv[i], "--every") == 0) {
			o.every = number(argv[i + 1]);
		} else if (strcmp(argv[i], "--only") == 0) {
			o.only = number(argv[i + 1]);
			o.has_only = true;
		}
	}
	return o;
}

/* Each history has a generator of its own, so that any can be run alone. */
static GArray *events_of(uint64_t seed, uint64_t history)
{
	const guint32 parts[] = { (guint32)seed, (guint32)(seed >> 32), (guint32)history, (guint32)(history >> 32) };
	GRand *rand = g_rand_new_with_seed_array(parts, G_N_ELEMENTS(parts));
	GArray *events = script_random(rand);
	g_rand_free(rand);
	return events;
}

int main(int argc, char **argv)
{
	struct options o = read_options(argc, argv);
	struct run run = { .print = o.has_only };
	uint64_t done = o.has_only ? o.only : 0, last = o.has_only ? o.only + 1 : o.histories, failed = 0, begun = done;
	if (!g_getenv("TMPDIR") && g_file_test("/dev/shm", G_FILE_TEST_IS_DIR))
		g_setenv("TMPDIR", "/dev/shm", TRUE);
	printf("seed %" G_GUINT64_FORMAT "\n", o.seed);
	fflush(stdout);
	int64_t start = g_get_monotonic_time();
	for (; done < last && failed == 0 && (!o.until_us || g_get_monotonic_time() < o.until_us); done++) {
		g_autoptr(GArray) events = events_of(o.seed, done);
		if (!one_history(&run, events)) {
			failed++;
			report(&run, events, o.seed, done);
		}
		if (o.every && done % o.every == 0) {
			printf("%" G_GUINT64_FORMAT " histories, %.0f s\n", done, (double)(g_get_monotonic_time() - start) / 1e6);
			fflush(stdout);
		}
	}
	subject_free(run.subject);
	g_free(run.wrong);
	printf("%" G_GUINT64_FORMAT " histories of %" G_GUINT64_FORMAT " events in %.1f s\n", done - begun, run.events,
	       (double)(g_get_monotonic_time() - start) / 1e6);
	printf("%" G_GUINT64_FORMAT " passed, %" G_GUINT64_FORMAT " failed\n", done - begun - failed, failed);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
