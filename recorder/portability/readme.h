/*
 * What a person reads first in their archive: what is in it, what is not and why. Pure; any thread.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* `lang` is "fr" or "en"; `films`: it holds some; `absent`: one text for each recording or film that is not in it. g_free. */
char *ap_archive_readme(const char *lang, bool films, const GPtrArray *absent);
