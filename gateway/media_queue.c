#include "gateway/media_queue.h"

#include <aparte/secret.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct queue {
	pthread_mutex_t lock;
	GQueue items; /* owned; under lock */
	int event;    /* owned */
};

struct ap_inbox {
	struct queue queue;
};

struct ap_outbox {
	struct queue queue;
};

static bool queue_init(struct queue *q)
{
	pthread_mutex_init(&q->lock, NULL);
	g_queue_init(&q->items);
	q->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return q->event >= 0;
}

static void queue_clear(struct queue *q, void (*free_item)(void *))
{
	g_queue_clear_full(&q->items, free_item);
	pthread_mutex_destroy(&q->lock);
	if (q->event >= 0)
		close(q->event);
}

static void queue_push(struct queue *q, void *item)
{
	uint64_t one = 1;
	pthread_mutex_lock(&q->lock);
	g_queue_push_tail(&q->items, item);
	pthread_mutex_unlock(&q->lock);
	/* Fails only when the counter is full, and then the taker is awake anyway. */
	(void)!write(q->event, &one, sizeof one);
}

static void *queue_take(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	void *item = g_queue_pop_head(&q->items);
	pthread_mutex_unlock(&q->lock);
	return item;
}

static void queue_awake(struct queue *q)
{
	uint64_t count;
	(void)!read(q->event, &count, sizeof count);
}

struct ap_result ap_inbox_new(struct ap_inbox **ret_inbox)
{
	struct ap_inbox *inbox = g_new0(struct ap_inbox, 1);
	if (!queue_init(&inbox->queue)) {
		ap_inbox_free(inbox);
		return ap_fail(AP_ERR_IO, "eventfd", "too many open files");
	}
	*ret_inbox = inbox;
	return AP_SUCCESS;
}

static void free_command(void *command)
{
	ap_command_free(command);
}

void ap_inbox_free(struct ap_inbox *inbox)
{
	if (!inbox)
		return;
	queue_clear(&inbox->queue, free_command);
	g_free(inbox);
}

void ap_inbox_push(struct ap_inbox *inbox, const struct ap_command *command)
{
	queue_push(&inbox->queue, g_memdup2(command, sizeof *command));
}

struct ap_command *ap_inbox_take(struct ap_inbox *inbox)
{
	return queue_take(&inbox->queue);
}

void ap_command_free(struct ap_command *command)
{
	if (!command)
		return;
	if (command->fd >= 0)
		close(command->fd);
	if (command->leg)
		ap_wipe(command->leg, sizeof *command->leg);
	g_free(command->leg);
	g_free(command);
}

int ap_inbox_fd(const struct ap_inbox *inbox)
{
	return inbox->queue.event;
}

void ap_inbox_awake(struct ap_inbox *inbox)
{
	queue_awake(&inbox->queue);
}

struct ap_result ap_outbox_new(struct ap_outbox **ret_outbox)
{
	struct ap_outbox *outbox = g_new0(struct ap_outbox, 1);
	if (!queue_init(&outbox->queue)) {
		ap_outbox_free(outbox);
		return ap_fail(AP_ERR_IO, "eventfd", "too many open files");
	}
	*ret_outbox = outbox;
	return AP_SUCCESS;
}

void ap_outbox_free(struct ap_outbox *outbox)
{
	if (!outbox)
		return;
	queue_clear(&outbox->queue, g_free);
	g_free(outbox);
}

void ap_outbox_push(struct ap_outbox *outbox, const struct ap_report *report)
{
	queue_push(&outbox->queue, g_memdup2(report, sizeof *report));
}

struct ap_report *ap_outbox_take(struct ap_outbox *outbox)
{
	return queue_take(&outbox->queue);
}

int ap_outbox_fd(const struct ap_outbox *outbox)
{
	return outbox->queue.event;
}

void ap_outbox_awake(struct ap_outbox *outbox)
{
	queue_awake(&outbox->queue);
}
