/*
 * The register of processing activities (R24; GDPR art. 30) as a text to hand over: Markdown or CSV (RFC 4180), French
 * or English, from what account.h gathered of the live configuration:
 *
 *   {"generated","controller":{"name","contact"},"dpo","complaint","impact_assessment","storage",
 *    "tenants":[{"name","capacity"?,"controller"?,"contact"?,"agreement"?,"policy","region"?,
 *                "activities":[{"id","title"?,"keep":{"number","unit"},"decided_by"?,"reason"?}]}],
 *    "recipients":[{"tenant"?,"name","role","place","purpose","since"}],
 *    "measures":{"turnover_hours","key_horizon_days"?,"review_days"}}
 *
 * An activity's id is a purpose's, "consent_proof" or "access_log"; titles are in the language asked for.
 *
 * Pure; any thread. Texts are g_free'd by the caller.
 */
#pragma once

#include <json-glib/json-glib.h>

/* "fr" or anything else for English. */
char *ap_register_markdown(JsonObject *facts, const char *lang);
/* One line per tenant and activity, after a line of headings. No cell begins like a formula. */
char *ap_register_csv(JsonObject *facts, const char *lang);
