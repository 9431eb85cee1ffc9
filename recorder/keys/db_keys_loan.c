#include "recorder/keys/db_keys_private.h"

#define RECALL_US (10 * G_USEC_PER_SEC)

struct ap_result ap_db_keys_lend(struct ap_db_keys *k, struct ap_secret **ret_kek)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	AP_TRY(ap_db_keys_need_kek(k));
	if (k->old || k->recalled)
		return ap_fail(AP_ERR_DENIED, "conflict", "the key-encryption key is being turned over: try again in a minute");
	*ret_kek = ap_secret_from(ap_secret_bytes(k->kek), ap_secret_len(k->kek));
	k->lent++;
	return AP_SUCCESS;
}

void ap_db_keys_return(struct ap_db_keys *k, struct ap_secret *kek)
{
	if (!kek)
		return;
	ap_secret_free(kek);
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	if (--k->lent == 0)
		g_cond_broadcast(&k->returned);
}

bool ap_db_keys_recalled(struct ap_db_keys *k)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	return k->recalled;
}

unsigned ap_db_keys_lent(struct ap_db_keys *k)
{
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	return k->lent;
}

/* Recalled stays set after a wait that was in vain: whoever has a copy still gives it back as soon as it looks. */
struct ap_result ap_db_keys_recall(struct ap_db_keys *k)
{
	gint64 end_us = g_get_monotonic_time() + RECALL_US;
	g_autoptr(GMutexLocker) lock = g_mutex_locker_new(&k->mutex);
	k->recalled = true;
	while (k->lent > 0)
		if (!g_cond_wait_until(&k->returned, &k->mutex, end_us))
			return ap_fail(AP_ERR_IO, "kek-lent", "a backup's proof holds a copy of the key and does not end: see to its disk");
	k->recalled = false;
	return AP_SUCCESS;
}
