#include "vectors.h"

#include <glib.h>
#include <recorder/keys/escrow.h>

struct person {
	struct ap_escrow_admin admin;
	struct ap_secret *passphrase;
};

static struct person enrol(struct ap_escrow *e, const char *name, const char *passphrase)
{
	struct person p = { .admin.method = ap_escrow_method_new(true) };
	struct ap_secret *private = NULL;
	p.passphrase = ap_secret_from(passphrase, strlen(passphrase));
	g_strlcpy(p.admin.name, name, sizeof p.admin.name);
	assert_ok(ap_escrow_pair(&p.admin.method, p.passphrase, p.admin.public, &private));
	ap_secret_free(private);
	ap_escrow_put(e, &p.admin);
	return p;
}

/* What this person's passphrase makes of the half for `with`; NULL when it does not open. */
static struct ap_secret *half_of(const struct ap_escrow *e, const struct person *p, const char *with)
{
	struct ap_secret *private = NULL, *half = NULL;
	uint8_t public[AP_ESCROW_PUBLIC];
	assert_ok(ap_escrow_pair(&p->admin.method, p->passphrase, public, &private));
	for (guint i = 0; i < e->halves->len; i++) {
		const struct ap_escrow_half *h = &g_array_index(e->halves, struct ap_escrow_half, i);
		if (strcmp(h->of, p->admin.name) == 0 && strcmp(h->with, with) == 0 && !ap_ok(ap_escrow_open(h, public, private, &half)))
			half = NULL;
	}
	ap_secret_free(private);
	return half;
}

static void free_person(struct person *p)
{
	ap_secret_free(p->passphrase);
}

static struct ap_escrow *again(struct ap_escrow *e)
{
	g_autofree char *json = ap_escrow_to_json(e);
	struct ap_escrow *back = NULL;
	assert_ok(ap_escrow_parse(json, strlen(json), &back));
	ap_escrow_free(e);
	return back;
}

/* R28: any two of three, each alone nothing. */
static void any_two_bring_it_back(void **state)
{
	(void)state;
	struct ap_escrow *e = ap_escrow_new();
	struct person p[3] = { enrol(e, "ana", "correct horse one"), enrol(e, "bob", "correct horse two"),
			       enrol(e, "eve", "correct horse three") };
	struct ap_secret *secret = ap_secret_random(64);
	assert_ok(ap_escrow_split(e, secret, (const char *const[]){ "aa", "bb", NULL }));
	assert_int_equal(e->halves->len, 6);
	e = again(e);
	assert_int_equal(e->keys->len, 2);
	for (int i = 0; i < 3; i++)
		for (int k = 0; k < 3; k++) {
			struct ap_secret *a = half_of(e, &p[i], p[k].admin.name), *b = half_of(e, &p[k], p[i].admin.name), *back = NULL;
			if (i == k) { /* nobody is a pair alone */
				assert_null(a);
				continue;
			}
			assert_false(ap_secret_equal(a, secret));
			assert_ok(ap_escrow_join(a, b, &back));
			assert_true(ap_secret_equal(back, secret));
			ap_secret_free(a);
			ap_secret_free(b);
			ap_secret_free(back);
		}
	/* halves of different pairs give noise, not the key */
	struct ap_secret *ab = half_of(e, &p[0], "bob"), *ce = half_of(e, &p[2], "ana"), *noise = NULL;
	assert_ok(ap_escrow_join(ab, ce, &noise));
	assert_false(ap_secret_equal(noise, secret));
	ap_secret_free(ab);
	ap_secret_free(ce);
	ap_secret_free(noise);
	for (int i = 0; i < 3; i++)
		free_person(&p[i]);
	ap_secret_free(secret);
	ap_escrow_free(e);
}

static void a_wrong_passphrase_opens_nothing(void **state)
{
	(void)state;
	struct ap_escrow *e = ap_escrow_new();
	struct person ana = enrol(e, "ana", "correct horse one"), bob = enrol(e, "bob", "correct horse two");
	struct ap_secret *secret = ap_secret_random(32);
	assert_ok(ap_escrow_split(e, secret, (const char *const[]){ "aa", NULL }));
	ap_secret_free(ana.passphrase);
	ana.passphrase = ap_secret_from("correct horse ona", 17);
	assert_null(half_of(e, &ana, "bob"));
	free_person(&ana);
	free_person(&bob);
	ap_secret_free(secret);
	ap_escrow_free(e);
}

/* Fresh at each turnover: the pads too, so that old and new halves cannot be mixed. */
static void every_split_is_fresh(void **state)
{
	(void)state;
	struct ap_escrow *e = ap_escrow_new();
	struct person ana = enrol(e, "ana", "correct horse one"), bob = enrol(e, "bob", "correct horse two");
	struct ap_secret *secret = ap_secret_random(32), *joined = NULL;
	assert_ok(ap_escrow_split(e, secret, (const char *const[]){ "aa", NULL }));
	struct ap_secret *old = half_of(e, &ana, "bob");
	assert_ok(ap_escrow_split(e, secret, (const char *const[]){ "aa", NULL }));
	struct ap_secret *new = half_of(e, &bob, "ana");
	assert_ok(ap_escrow_join(old, new, &joined));
	assert_false(ap_secret_equal(joined, secret));
	ap_secret_free(old);
	ap_secret_free(new);
	ap_secret_free(joined);
	free_person(&ana);
	free_person(&bob);
	ap_secret_free(secret);
	ap_escrow_free(e);
}

static void one_alone_covers_nothing(void **state)
{
	(void)state;
	struct ap_escrow *e = ap_escrow_new();
	struct person ana = enrol(e, "ana", "correct horse one"), bob = enrol(e, "bob", "correct horse two");
	struct ap_secret *secret = ap_secret_random(32);
	ap_escrow_remove(e, "bob");
	assert_null(ap_escrow_find(e, "bob"));
	assert_ok(ap_escrow_split(e, secret, (const char *const[]){ "aa", NULL }));
	assert_int_equal(e->halves->len, 0);
	assert_int_equal(e->keys->len, 0);
	free_person(&ana);
	free_person(&bob);
	ap_secret_free(secret);
	ap_escrow_free(e);
}

static void what_is_not_in_its_form_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"[]",
		"{\"format\":\"aparte/escrow/v2\",\"admins\":[],\"halves\":[],\"keys\":[]}",
		"{\"format\":\"aparte/escrow/v1\",\"admins\":[1],\"halves\":[],\"keys\":[]}",
		"{\"format\":\"aparte/escrow/v1\",\"admins\":[],\"halves\":[{\"of\":\"a\",\"with\":\"b\",\"sealed\":\"AAAA\"}],\"keys\":[]}",
		"{\"format\":\"aparte/escrow/v1\",\"admins\":[],\"halves\":[],\"keys\":[1]}",
		"{\"format\":\"aparte/escrow/v1\",\"admins\":[{\"name\":\"a\",\"salt\":\"AA\",\"ops\":1,\"mem\":8192,\"public\":\"AA\"}],"
		"\"halves\":[],\"keys\":[]}",
	};
	struct ap_escrow *e = NULL;
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_fails(ap_escrow_parse(bad[i], strlen(bad[i]), &e), "escrow");
	assert_null(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_two_bring_it_back),
		cmocka_unit_test(a_wrong_passphrase_opens_nothing),
		cmocka_unit_test(every_split_is_fresh),
		cmocka_unit_test(one_alone_covers_nothing),
		cmocka_unit_test(what_is_not_in_its_form_is_refused),
	};
	assert_ok_or_exit();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
