#include "gateway/ice.h"

#include <aparte/buf.h>
#include <glib.h>
#include <string.h>
#include <stun/stunagent.h>
#include <stun/usages/ice.h>

/* The lowest, so that a role conflict ends in 487 and never in us becoming controlling (RFC 8445 §7.3.1.1). */
static const uint64_t TIE_BREAKER = 0;

static const uint16_t KNOWN[] = {
	STUN_ATTRIBUTE_USERNAME,           STUN_ATTRIBUTE_MESSAGE_INTEGRITY, STUN_ATTRIBUTE_ERROR_CODE,
	STUN_ATTRIBUTE_PRIORITY,           STUN_ATTRIBUTE_USE_CANDIDATE,     STUN_ATTRIBUTE_ICE_CONTROLLED,
	STUN_ATTRIBUTE_ICE_CONTROLLING,    STUN_ATTRIBUTE_FINGERPRINT,       STUN_ATTRIBUTE_SOFTWARE,
	STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, STUN_ATTRIBUTE_MAPPED_ADDRESS,    0};

struct ap_ice {
	StunAgent agent;
};

struct ap_ice *ap_ice_new(void)
{
	struct ap_ice *ice = g_new0(struct ap_ice, 1);
	stun_agent_init(&ice->agent, KNOWN, STUN_COMPATIBILITY_RFC5389,
			STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
	return ice;
}

void ap_ice_free(struct ap_ice *ice)
{
	g_free(ice);
}

/* libnice's readers take a message in place; they do not write to it. */
static StunMessage message_over(const uint8_t *data, size_t len)
{
	return (StunMessage){.buffer = (uint8_t *)data, .buffer_len = len};
}

bool ap_ice_read_username(const uint8_t *data, size_t len, struct ap_ice_username *ret_username)
{
	StunMessage message = message_over(data, len);
	uint16_t n = 0;
	if (stun_message_validate_buffer_length(data, len, true) != (int)len ||
	    stun_message_get_class(&message) != STUN_REQUEST || stun_message_get_method(&message) != STUN_BINDING)
		return false;
	const char *text = stun_message_find(&message, STUN_ATTRIBUTE_USERNAME, &n);
	const char *colon = text ? memchr(text, ':', n) : NULL;
	if (!colon || colon == text || colon - text > AP_LOCAL_UFRAG)
		return false;
	size_t local = (size_t)(colon - text);
	struct ap_ice_username username = {.remote = colon + 1, .remote_len = n - local - 1};
	if (!ap_copy(username.local, AP_LOCAL_UFRAG, text, local) || memchr(username.local, 0, local))
		return false;
	*ret_username = username;
	return true;
}

static bool give_password(StunAgent *agent, StunMessage *message, uint8_t *username, uint16_t username_len,
			  uint8_t **password, size_t *password_len, void *user_data)
{
	(void)agent;
	(void)message;
	(void)username;
	(void)username_len;
	*password = user_data;
	*password_len = strlen(user_data);
	return true;
}

static void answer_error(struct ap_ice *ice, const StunMessage *request, StunError code, struct ap_ice_check *check)
{
	StunMessage reply;
	if (stun_agent_init_error(&ice->agent, &reply, check->answer, sizeof check->answer, request, code))
		check->len = stun_agent_finish_message(&ice->agent, &reply, NULL, 0);
}

static void answer_unknown(struct ap_ice *ice, const StunMessage *request, struct ap_ice_check *check)
{
	StunMessage reply;
	check->len = stun_agent_build_unknown_attributes_error(&ice->agent, &reply, check->answer, sizeof check->answer,
							       request);
}

static void answer_check(struct ap_ice *ice, StunMessage *request, const struct sockaddr_storage *from,
			 socklen_t from_len, struct ap_ice_check *check)
{
	StunMessage reply;
	bool controlling = false;
	check->len = sizeof check->answer;
	StunUsageIceReturn status = stun_usage_ice_conncheck_create_reply(
		&ice->agent, request, &reply, check->answer, &check->len, from, from_len, &controlling, TIE_BREAKER,
		STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
	check->valid = status == STUN_USAGE_ICE_RETURN_SUCCESS && !controlling;
	check->nominated = check->valid && stun_usage_ice_conncheck_use_candidate(request);
	check->priority = stun_usage_ice_conncheck_priority(request);
}

void ap_ice_answer(struct ap_ice *ice, const uint8_t *data, size_t len, const char *local_pwd,
		   const struct sockaddr_storage *from, socklen_t from_len, struct ap_ice_check *ret_check)
{
	StunMessage request;
	ret_check->valid = ret_check->nominated = false;
	ret_check->priority = 0;
	ret_check->len = 0;
	switch (stun_agent_validate(&ice->agent, &request, data, len, give_password, (void *)local_pwd)) {
	case STUN_VALIDATION_SUCCESS:
		answer_check(ice, &request, from, from_len, ret_check);
		break;
	case STUN_VALIDATION_UNAUTHORIZED:
		answer_error(ice, &request, STUN_ERROR_UNAUTHORIZED, ret_check);
		break;
	case STUN_VALIDATION_BAD_REQUEST:
	case STUN_VALIDATION_UNAUTHORIZED_BAD_REQUEST:
		answer_error(ice, &request, STUN_ERROR_BAD_REQUEST, ret_check);
		break;
	case STUN_VALIDATION_UNKNOWN_REQUEST_ATTRIBUTE:
		answer_unknown(ice, &request, ret_check);
		break;
	default:
		break;
	}
}
