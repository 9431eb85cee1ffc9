#include "confine.h"

#include <aparte/sandbox.h>
#include <glib.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

static struct ap_result close_others(int socket, int null_fd)
{
	for (int fd = 0; fd < 3; fd++)
		if (dup2(null_fd, fd) < 0)
			return ap_fail(AP_ERR_IO, "descriptors", "the standard descriptors could not be replaced");
	if (dup2(socket, 3) < 0 || close_range(4, ~0u, 0) != 0)
		return ap_fail(AP_ERR_IO, "descriptors", "inherited descriptors could not be closed");
	return AP_SUCCESS;
}

static struct ap_result take_bounds(const struct ap_confine_bounds *b)
{
	const struct {
		int resource;
		uint64_t most;
	} all[] = {
		{ RLIMIT_FSIZE, b->file_bytes },
		{ RLIMIT_NOFILE, b->descriptors },
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_NPROC, b->processes },
		{ RLIMIT_CPU, b->cpu_s ? b->cpu_s : RLIM_INFINITY },
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* a sanitizer's own tables are larger */
		{ RLIMIT_DATA, b->memory },
#endif
	};
	signal(SIGXFSZ, SIG_IGN); /* a write that fails is told; a death is not */
	for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
		const struct rlimit limit = { all[i].most, all[i].most };
		if (all[i].most != RLIM_INFINITY && setrlimit((__rlimit_resource_t)all[i].resource, &limit) != 0)
			return ap_fail(AP_ERR_DENIED, "sandbox", "the kernel refused a limit");
	}
	return AP_SUCCESS;
}

struct ap_result ap_confine(int socket, int null_fd, bool landlock, const struct ap_confine_bounds *bounds)
{
	static const struct ap_sandbox_rules nothing = { 0 };
	AP_TRY(close_others(socket, null_fd));
	AP_TRY(take_bounds(bounds));
	AP_TRY(ap_sandbox_no_new_privs());
	if (landlock)
		AP_TRY(ap_sandbox_landlock(&nothing, NULL));
	return ap_sandbox_seccomp_descriptors_only();
}
