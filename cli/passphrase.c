#include "cli/passphrase.h"

#include <fcntl.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

static struct ap_secret *take_line(int fd)
{
	uint8_t line[LINE_MAX_BYTES];
	size_t len = 0;
	while (len < sizeof line && read(fd, &line[len], 1) == 1 && line[len] != '\n')
		len++;
	if (len > 0 && len < sizeof line && line[len - 1] == '\r')
		len--;
	struct ap_secret *secret = len > 0 && len < sizeof line ? ap_secret_from(line, len) : NULL;
	ap_wipe(line, sizeof line);
	return secret;
}

static struct ap_secret *ask(int tty, const char *prompt)
{
	struct termios before, silent;
	if (tcgetattr(tty, &before) != 0)
		return NULL;
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	dprintf(tty, "%s: ", prompt);
	tcsetattr(tty, TCSAFLUSH, &silent);
	struct ap_secret *secret = take_line(tty);
	tcsetattr(tty, TCSAFLUSH, &before);
	dprintf(tty, "\n");
	return secret;
}

static struct ap_secret *ask_twice(int tty, const char *prompt)
{
	struct ap_secret *first = ask(tty, prompt), *second = first ? ask(tty, "once more") : NULL;
	bool same = first && second && ap_secret_equal(first, second);
	ap_secret_free(second);
	if (same)
		return first;
	ap_secret_free(first);
	return NULL;
}

struct ap_secret *ap_passphrase_read(int fd, const char *prompt, bool twice)
{
	int tty = fd >= 0 ? -1 : open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct ap_secret *secret = NULL;
	if (fd >= 0)
		secret = take_line(fd);
	else if (tty >= 0)
		secret = twice ? ask_twice(tty, prompt) : ask(tty, prompt);
	if (tty >= 0)
		close(tty);
	if (!secret)
		fputs(fd < 0 && tty < 0 ? "There is no terminal to ask at: use --passphrase-fd.\n" :
					  "There was no passphrase, or not the same one twice.\n",
		      stderr);
	return secret;
}
