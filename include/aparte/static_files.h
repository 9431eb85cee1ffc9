/*
 * The pages (web/), read into memory at start, before the sandbox: afterwards the process opens no path.
 *
 * Answers carry ETag (304 for If-None-Match), Cache-Control no-cache, the content type by extension, and the strict
 * Content-Security-Policy of the project's pages: own scripts, styles, fonts and connections only, nothing inline.
 *
 * What gets smaller by it is compressed once, at the start, and sent so to clients that take gzip (RFC 9110 §12.5.3). These
 * files hold no secret and repeat nothing of a request, so their length tells nothing.
 *
 * Ownership: the caller owns what _load returns. Threads: read-only after loading.
 */
#pragma once

#include <aparte/err.h>
#include <aparte/http.h>

struct ap_static_files; /* opaque */

struct ap_static_options {
	const char *const *frame_ancestors; /* origins that may embed the pages; NULL or empty: none */
	bool camera;			    /* Permissions-Policy allows camera, microphone and screen to our own pages */
};

/* Reads all regular files under `dir` whose names do not start with a dot; at most 32 MiB in all. "static-files". */
struct ap_result ap_static_files_load(const char *dir, const struct ap_static_options *options,
				      struct ap_static_files **ret_files);
void ap_static_files_free(struct ap_static_files *files);
/* Answers with that file (path relative to the directory, no leading slash), or 404. */
void ap_static_files_answer(const struct ap_static_files *files, struct ap_http_call *call, const char *path);
