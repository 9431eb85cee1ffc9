/*
 * The rows of policies, regions and terms (recorder/api/api.h). Threads: main thread.
 */
#pragma once

struct ap_api;

void ap_api_add_policies(struct ap_api *api);
