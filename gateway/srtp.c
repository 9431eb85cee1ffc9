#include "gateway/srtp.h"

#include "gateway/srtp_gcm.h"

#include <aparte/buf.h>
#include <aparte/secret.h>
#include <glib.h>
#include <srtp2/srtp.h>

enum { REPLAY_WINDOW = 1024, RTP_SSRC_AT = 8, RTCP_SSRC_AT = 4 };

struct ap_srtp {
	srtp_t session; /* owned */
	size_t ssrcs;
	uint32_t ssrc[AP_SRTP_SSRCS];
};

size_t ap_srtp_salt(enum ap_srtp_profile profile)
{
	return profile == AP_SRTP_GCM128 ? 12 : 14;
}

struct ap_result ap_srtp_start(void)
{
	static gsize once;
	if (g_once_init_enter(&once)) {
		bool started = srtp_init() == srtp_err_status_ok && ap_srtp_gcm_install() == srtp_err_status_ok;
		g_once_init_leave(&once, started ? 1 : 2);
	}
	return once == 1 ? AP_SUCCESS : ap_fail(AP_ERR_CRYPTO, "srtp", "libsrtp2 does not start");
}

static void set_policies(enum ap_srtp_profile profile, srtp_policy_t *policy)
{
	if (profile == AP_SRTP_GCM128) {
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtp);
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtcp);
	} else {
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtp);
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtcp);
	}
}

struct ap_result ap_srtp_new(enum ap_srtp_profile profile, enum ap_srtp_direction direction, const uint8_t *key,
			     struct ap_srtp **ret_srtp)
{
	uint8_t copy[AP_SRTP_KEY + AP_SRTP_SALT_MAX];
	srtp_policy_t policy = {.window_size = REPLAY_WINDOW, .key = copy};
	policy.ssrc.type = direction == AP_SRTP_INWARD ? ssrc_any_inbound : ssrc_any_outbound;
	set_policies(profile, &policy);
	srtp_t session = NULL;
	if (!ap_copy(copy, sizeof copy, key, AP_SRTP_KEY + ap_srtp_salt(profile)))
		return ap_fail(AP_ERR_INTERNAL, "srtp", "a key longer than any profile's");
	srtp_err_status_t status = srtp_create(&session, &policy);
	ap_wipe(copy, sizeof copy);
	if (status != srtp_err_status_ok)
		return ap_fail(AP_ERR_CRYPTO, "srtp", "libsrtp2 refuses the keys");
	struct ap_srtp *s = g_new0(struct ap_srtp, 1);
	s->session = session;
	*ret_srtp = s;
	return AP_SUCCESS;
}

void ap_srtp_free(struct ap_srtp *s)
{
	if (!s)
		return;
	srtp_dealloc(s->session);
	g_free(s);
}

static bool known(const struct ap_srtp *s, uint32_t ssrc)
{
	for (size_t i = 0; i < s->ssrcs; i++)
		if (s->ssrc[i] == ssrc)
			return true;
	return false;
}

static enum ap_srtp_verdict verdict(srtp_err_status_t status)
{
	switch (status) {
	case srtp_err_status_ok:
		return AP_SRTP_OK;
	case srtp_err_status_replay_fail:
	case srtp_err_status_replay_old:
		return AP_SRTP_REPLAYED;
	case srtp_err_status_auth_fail:
		return AP_SRTP_FORGED;
	default:
		return AP_SRTP_REFUSED;
	}
}

static uint32_t read_ssrc(enum ap_srtp_kind kind, const uint8_t *data, size_t len)
{
	struct ap_reader r = ap_reader_over(data, len);
	ap_read_skip(&r, kind == AP_SRTP_RTP ? RTP_SSRC_AT : RTCP_SSRC_AT);
	return ap_read_u32(&r);
}

enum ap_srtp_verdict ap_srtp_unprotect(struct ap_srtp *s, enum ap_srtp_kind kind, uint8_t *data, size_t *len)
{
	uint32_t ssrc = read_ssrc(kind, data, *len);
	bool seen = known(s, ssrc);
	if (!seen && s->ssrcs == AP_SRTP_SSRCS)
		return AP_SRTP_REFUSED;
	int n = (int)*len;
	srtp_err_status_t status =
		kind == AP_SRTP_RTP ? srtp_unprotect(s->session, data, &n) : srtp_unprotect_rtcp(s->session, data, &n);
	if (status != srtp_err_status_ok)
		return verdict(status);
	if (!seen)
		s->ssrc[s->ssrcs++] = ssrc;
	*len = (size_t)n;
	return AP_SRTP_OK;
}

enum ap_srtp_verdict ap_srtp_protect(struct ap_srtp *s, enum ap_srtp_kind kind, uint8_t *data, size_t *len)
{
	int n = (int)*len;
	srtp_err_status_t status =
		kind == AP_SRTP_RTP ? srtp_protect(s->session, data, &n) : srtp_protect_rtcp(s->session, data, &n);
	if (status == srtp_err_status_ok)
		*len = (size_t)n;
	return verdict(status);
}
