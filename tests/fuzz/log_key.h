/* The log's key of docs/FORMAT.md (Vectors), for targets that sign before they try. */
#pragma once

#include <aparte/secret.h>
#include <glib.h>
#include <string.h>

static const char vkey[] = "aparte.example/log/1+a2463d70+AbJJHZUCrihjCiussuDHRRD/zdMowzT/PhOT51stMefc";

static const struct ap_secret *the_seed(void)
{
	static struct ap_secret *seed;
	uint8_t bytes[32];
	memset(bytes, 0x88, sizeof bytes);
	if (!seed && ap_ok(ap_secret_init()))
		seed = ap_secret_from(bytes, sizeof bytes);
	return seed;
}
