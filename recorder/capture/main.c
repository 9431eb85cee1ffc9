/*
 * aparte-capture: started by the launcher before any key is loaded, so that a forked capture's memory never held one.
 */
#include "chain.h"
#include "zygote.h"

#include <aparte/handoff.h>
#include <aparte/log.h>
#include <aparte/sandbox.h>
#include <aparte/secret.h>
#include <fcntl.h>
#include <gst/gst.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct process {
	struct ap_zygote *zygote;
	bool stopping;
};

/* GStreamer must not look for plugins, fork a scanner or write a cache: chain.c names the files it needs. */
static void set_environment(void)
{
	g_setenv("GST_REGISTRY_FORK", "no", TRUE);
	g_setenv("GST_REGISTRY_UPDATE", "no", TRUE);
	g_setenv("GST_REGISTRY_DISABLE", "yes", TRUE);
	g_setenv("GST_PLUGIN_SYSTEM_PATH_1_0", "", TRUE);
	g_setenv("GST_PLUGIN_PATH_1_0", "", TRUE);
}

static struct ap_result warm_up(void)
{
	g_autoptr(GError) error = NULL;
	set_environment();
	if (!gst_init_check(NULL, NULL, &error))
		return ap_fail(AP_ERR_IO, "gstreamer", "GStreamer could not be initialised");
	return ap_chain_warm_up();
}

static int block_child_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* What the launcher sends, before GO and after. */
static struct ap_result take_handoff(struct process *p, struct ap_handoff *m)
{
	if (m->type == AP_HANDOFF_ZYGOTE && m->fd >= 0) {
		int link = m->fd;
		m->fd = -1;
		AP_IGNORE(ap_zygote_link(p->zygote, link)); /* a vault that is gone already is followed by another */
	}
	if (m->type == AP_HANDOFF_STOP)
		p->stopping = true;
	if (m->fd >= 0)
		close(m->fd);
	return AP_SUCCESS;
}

static struct ap_result wait_for_go(struct process *p)
{
	struct ap_handoff m;
	do {
		AP_TRY(ap_handoff_receive(AP_HANDOFF_FD, -1, &m));
		AP_TRY(take_handoff(p, &m));
	} while (m.type != AP_HANDOFF_GO && !p->stopping);
	return AP_SUCCESS;
}

static void serve(struct process *p, int signals)
{
	while (!p->stopping || ap_zygote_children(p->zygote) > 0) {
		struct pollfd waits[] = {
			{ .fd = p->stopping ? -1 : AP_HANDOFF_FD, .events = POLLIN },
			{ .fd = signals, .events = POLLIN },
			{ .fd = ap_zygote_link_fd(p->zygote), .events = POLLIN },
		};
		if (poll(waits, 3, ap_zygote_kill_late(p->zygote)) < 0)
			continue;
		struct ap_handoff m;
		if (waits[0].revents && !ap_ok(ap_handoff_receive(AP_HANDOFF_FD, 0, &m)))
			p->stopping = true; /* the launcher is gone */
		else if (waits[0].revents)
			AP_IGNORE(take_handoff(p, &m));
		if (waits[1].revents)
			ap_zygote_on_child(p->zygote);
		if (waits[2].revents)
			ap_zygote_on_link(p->zygote);
	}
}

static struct ap_result run(struct process *p, int signals)
{
	AP_TRY(ap_secret_init());
	AP_TRY(ap_sandbox_no_new_privs());
	AP_TRY(warm_up());
	p->zygote = ap_zygote_new(signals);
	AP_TRY(wait_for_go(p));
	AP_TRY(ap_handoff_send(AP_HANDOFF_FD, AP_HANDOFF_READY, "", -1));
	serve(p, signals);
	return AP_SUCCESS;
}

int main(void)
{
	struct process p = { 0 };
	ap_log_init("capture", AP_LOG_INFO);
	fcntl(AP_HANDOFF_FD, F_SETFD, FD_CLOEXEC);
	int signals = block_child_signals();
	struct ap_result result = run(&p, signals);
	if (!ap_ok(result)) {
		ap_log(AP_LOG_ERROR, "start_failed", "name=%s detail=\"%s\"", result.name, result.detail);
		AP_IGNORE(ap_handoff_send(AP_HANDOFF_FD, AP_HANDOFF_FAILED, result.name, -1)); /* ends either way */
	}
	ap_zygote_free(p.zygote);
	return ap_ok(result) ? 0 : 1;
}
