/*
 * A saved log (docs/FORMAT.md, Saved log): the log's key, a signed checkpoint, and every leaf that it covers. With it the
 * whole log is verified offline, in one pass and constant memory.
 *
 * The file may be anyone's: each length is compared before it is believed.
 *
 * Threads: one per object. Errors: AP_ERR_IO "log-file" (cannot be read), AP_ERR_PROTOCOL "log-file" (not this form, cut
 * short, or more than it says), those of checkpoint.h, AP_ERR_CRYPTO "log-root" (the leaves give another root),
 * "log-older" (not the same log as the older checkpoint's). Outputs untouched on failure.
 */
#pragma once

#include <recorder/ledger/checkpoint.h>
#include <recorder/ledger/frontier.h>
#include <stdio.h>

struct ap_log_file; /* opaque */

struct ap_result ap_log_file_open(const char *path, struct ap_log_file **ret_file);
/* The same over a stream, which is taken, also on failure. */
struct ap_result ap_log_file_from(FILE *in, struct ap_log_file **ret_file);
void ap_log_file_close(struct ap_log_file *f);
/* As they stand in the file: believed by nobody before they are verified. Borrowed. */
const char *ap_log_file_vkey(const struct ap_log_file *f);
const char *ap_log_file_note(const struct ap_log_file *f);

/* The next leaves, until the tree has `upto`. */
struct ap_result ap_log_file_add(struct ap_log_file *f, struct ap_frontier *tree, uint64_t upto);

/* From a file just opened: the checkpoint is signed by `key`, the leaves are all there and give its root, and on the way,
 * where `older` is not NULL, that one's root at that one's size. *ret_tree may be NULL. */
struct ap_result ap_log_file_verify(struct ap_log_file *f, const struct ap_log_key *key, const struct ap_checkpoint *older,
				    struct ap_checkpoint *ret_checkpoint, struct ap_frontier *ret_tree);

/* From a file just opened: its first leaves, as they are, to `out`. */
struct ap_result ap_log_file_copy(struct ap_log_file *f, FILE *out, uint64_t leaves);

/* What stands before the leaves; these follow, AP_LEAF bytes each. */
struct ap_result ap_log_file_begin(FILE *out, const char *vkey, const char *note);
