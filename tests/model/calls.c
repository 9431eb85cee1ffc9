#include "tests/model/calls.h"

#include <aparte/log.h>
#include <aparte/problem.h>

/* Failures are the daily bread of histories: nobody would read a log of them. */
void ap_log_init(const char *process, enum ap_log_level level)
{
	(void)process;
	(void)level;
}

void ap_log(enum ap_log_level level, const char *event, const char *format, ...)
{
	(void)level;
	(void)event;
	(void)format;
}

/* GLib leaves this open; ours is what the handlers are given. */
struct _GDBusMethodInvocation {
	struct call *call;
};

static void answered(GDBusMethodInvocation *invocation, const char *name, char *text)
{
	struct call *c = invocation->call;
	g_assert(!c->answered);
	c->answered = true;
	c->name = name;
	c->text = text;
	g_free(invocation);
	if (c->on_answer)
		c->on_answer(c->data);
}

void g_dbus_method_invocation_return_value(GDBusMethodInvocation *invocation, GVariant *parameters)
{
	char *text = NULL;
	if (parameters) {
		g_variant_ref_sink(parameters);
		g_autoptr(GVariant) first = g_variant_n_children(parameters) ? g_variant_get_child_value(parameters, 0) : NULL;
		text = first && g_variant_is_of_type(first, G_VARIANT_TYPE_STRING) ? g_variant_dup_string(first, NULL) : NULL;
		g_variant_unref(parameters);
	}
	answered(invocation, "ok", text);
}

void g_dbus_method_invocation_return_dbus_error(GDBusMethodInvocation *invocation, const char *error_name, const char *message)
{
	(void)message;
	answered(invocation, ap_problem_by_dbus(error_name)->name, NULL);
}

const char *g_dbus_method_invocation_get_method_name(GDBusMethodInvocation *invocation)
{
	(void)invocation;
	return "model";
}

void call_begin(struct call *c, const struct ap_rpc_env *env, ap_rpc_handler handler, GVariant *arguments)
{
	GDBusMethodInvocation *invocation = g_new0(GDBusMethodInvocation, 1);
	invocation->call = c;
	g_variant_ref_sink(arguments);
	handler(env, arguments, invocation);
	g_variant_unref(arguments);
}

void call_clear(struct call *c)
{
	g_free(c->text);
	*c = (struct call){ 0 };
}
