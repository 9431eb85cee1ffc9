#include "confine.h"

#include "gateway/srtp.h"

#include <aparte/log.h>
#include <aparte/sandbox.h>
#include <gio/gio.h>
#include <openssl/ssl.h>
#include <seccomp.h>
#include <time.h>

/* libsrtp's cryptography (NSS) loads its modules with its first key, and unloads them with its last. */
static struct ap_result hold_srtp(struct ap_srtp **ret_held)
{
	static const uint8_t key[AP_SRTP_KEY + AP_SRTP_SALT_MAX] = { 1 };
	AP_TRY(ap_srtp_start());
	return ap_srtp_new(AP_SRTP_GCM128, AP_SRTP_OUTWARD, key, ret_held);
}

/* Libraries that read files when first used do it now. */
static void warm_up(void)
{
	OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS, NULL);
	g_tls_backend_get_default();
	g_autoptr(GTimeZone) local = g_time_zone_new_local();
	(void)local;
	tzset();
}

/* Programs, tracing, kernel surfaces: nothing the gateway has business with. Sockets stay: it is a network process. */
static struct ap_result forbid_calls(void)
{
	static const int calls[] = {
		SCMP_SYS(execve),	   SCMP_SYS(execveat),	     SCMP_SYS(fork),		SCMP_SYS(vfork),
		SCMP_SYS(ptrace),	   SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(mount),
		SCMP_SYS(umount2),	   SCMP_SYS(pivot_root),     SCMP_SYS(chroot),		SCMP_SYS(setns),
		SCMP_SYS(unshare),	   SCMP_SYS(bpf),	     SCMP_SYS(perf_event_open), SCMP_SYS(keyctl),
		SCMP_SYS(add_key),	   SCMP_SYS(request_key),    SCMP_SYS(init_module),	SCMP_SYS(finit_module),
		SCMP_SYS(delete_module),   SCMP_SYS(kexec_load),     SCMP_SYS(reboot),		SCMP_SYS(swapon),
		SCMP_SYS(swapoff),	   SCMP_SYS(open_by_handle_at), SCMP_SYS(name_to_handle_at), SCMP_SYS(userfaultfd),
		SCMP_SYS(io_uring_setup),  SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register), SCMP_SYS(pidfd_getfd),
		SCMP_SYS(pidfd_open),	   SCMP_SYS(memfd_create),   SCMP_SYS(personality),	SCMP_SYS(acct),
	};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int failed = filter == NULL;
	for (size_t i = 0; !failed && i < G_N_ELEMENTS(calls); i++)
		failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(1 /* EPERM */), calls[i], 0);
	failed = failed || seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	return failed ? ap_fail(AP_ERR_DENIED, "sandbox", "the system call filter could not be set") : AP_SUCCESS;
}

struct ap_result ap_confine(struct ap_srtp **ret_held)
{
	const struct ap_sandbox_rules rules = { .network = true };
	unsigned missing = 0;
	warm_up();
	AP_TRY(hold_srtp(ret_held));
	AP_TRY(ap_sandbox_no_new_privs());
	AP_TRY(ap_sandbox_landlock(&rules, &missing));
	AP_TRY(forbid_calls());
	ap_log(AP_LOG_INFO, "confined", "landlock_missing=%u", missing);
	return AP_SUCCESS;
}
