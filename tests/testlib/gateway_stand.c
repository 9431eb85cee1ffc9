/*
 * Starts the real aparte-gateway as the launcher would, with a fake vault at the other end of its link, so that real
 * clients can be tried against it: tokens "coach-token" and "coachee-token".
 *
 *     gateway_stand <aparte-gateway> <http port> <media port> <web dir> [section.key=value …]
 *
 * Prints "ready" once the gateway is, and ends the gateway when its standard input closes.
 */
#include "fake_vault.h"

#include <aparte/config.h>
#include <aparte/handoff.h>
#include <arpa/inet.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int listen_on(uint16_t port)
{
	struct sockaddr_in here = { .sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&here, sizeof here) != 0 || listen(fd, 64) != 0)
		g_error("port %u is taken", port);
	return fd;
}

static int config_fd(char **argv)
{
	struct ap_config *config = ap_config_new();
	AP_IGNORE(ap_config_set(config, "gateway.media_port", argv[3])); /* checked when the gateway reads it */
	AP_IGNORE(ap_config_set(config, "gateway.advertise", "127.0.0.1"));
	for (char **setting = argv + 5; *setting; setting++) {
		g_auto(GStrv) pair = g_strsplit(*setting, "=", 2);
		if (!pair[1] || !ap_ok(ap_config_set(config, pair[0], pair[1])))
			g_error("no such setting: %s", *setting);
	}
	g_autofree char *text = ap_config_to_text(config);
	int fd = memfd_create("aparte.conf", MFD_CLOEXEC);
	if (write(fd, text, strlen(text)) < 0)
		g_error("no memfd");
	ap_config_free(config);
	return fd;
}

static pid_t spawn(const char *program, int control)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	if (control == AP_HANDOFF_FD) /* dup2 onto itself would keep close-on-exec */
		control = dup(control);
	dup2(control, AP_HANDOFF_FD);
	execl(program, program, (char *)NULL);
	_exit(127);
}

static void hand_over(int control, enum ap_handoff_type type, const char *text, int fd)
{
	if (!ap_ok(ap_handoff_send(control, type, text, fd)))
		g_error("the gateway does not listen");
	if (fd >= 0)
		close(fd);
}

static gboolean on_control(int fd, GIOCondition condition, void *loop)
{
	struct ap_handoff message;
	(void)condition;
	if (!ap_ok(ap_handoff_receive(fd, 0, &message)) || message.type == AP_HANDOFF_FAILED) {
		g_main_loop_quit(loop);
		return G_SOURCE_REMOVE;
	}
	if (message.type == AP_HANDOFF_READY)
		puts("ready");
	fflush(stdout);
	return G_SOURCE_CONTINUE;
}

static gboolean on_input(int fd, GIOCondition condition, void *loop)
{
	char bytes[64];
	(void)condition;
	if (read(fd, bytes, sizeof bytes) > 0)
		return G_SOURCE_CONTINUE;
	g_main_loop_quit(loop);
	return G_SOURCE_REMOVE;
}

int main(int argc, char **argv)
{
	int pair[2], link, status = 0;
	if (argc < 5)
		g_error("usage: gateway_stand <aparte-gateway> <http port> <media port> <web dir> [section.key=value …]");
	signal(SIGPIPE, SIG_IGN);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		g_error("no socketpair");
	struct fake_vault *vault = fake_vault_new(&link);
	pid_t pid = spawn(argv[1], pair[1]);
	close(pair[1]);
	g_autofree char *text = g_strdup_printf("home=/nonexistent\nweb=%s\n", argv[4]);
	hand_over(pair[0], AP_HANDOFF_CONFIG, text, config_fd(argv));
	hand_over(pair[0], AP_HANDOFF_HTTP, "", listen_on((uint16_t)atoi(argv[2])));
	hand_over(pair[0], AP_HANDOFF_LINK, "", link);
	hand_over(pair[0], AP_HANDOFF_GO, "", -1);
	GMainLoop *loop = g_main_loop_new(NULL, FALSE);
	g_unix_fd_add(pair[0], G_IO_IN | G_IO_HUP, on_control, loop);
	g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, on_input, loop);
	g_main_loop_run(loop);
	AP_IGNORE(ap_handoff_send(pair[0], AP_HANDOFF_STOP, "", -1)); /* it may have ended by itself */
	waitpid(pid, &status, 0);
	fake_vault_free(vault);
	g_main_loop_unref(loop);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
