/*
 * Where the key-encryption key comes from: one seam, several sources. "file" is for demonstration (32 bytes, 0600,
 * made once); "credential" reads a systemd credential ($CREDENTIALS_DIRECTORY/<name>). PKCS#11 comes next.
 *
 * Threads: any. Errors: AP_ERR_IO "kek" (missing, wrong size, wrong mode), AP_ERR_INTERNAL "kek-source" (unknown).
 */
#pragma once

#include <aparte/err.h>
#include <aparte/secret.h>
#include <stdbool.h>

enum ap_kek_source { AP_KEK_FILE, AP_KEK_CREDENTIAL };

/* "file" or "credential", as in aparte.conf. */
struct ap_result ap_kek_source_parse(const char *text, enum ap_kek_source *ret_source);
/* A source that must not be used off loopback unless configured. */
bool ap_kek_source_is_demo(enum ap_kek_source source);

/*
 * `where` is the path of the file, or the credential's name. `create`: a missing file is made (fsynced, 0600);
 * credentials are never made. *ret_kek is the caller's, 32 bytes.
 */
struct ap_result ap_kek_load(enum ap_kek_source source, const char *where, bool create, struct ap_secret **ret_kek);
