// SPDX-License-Identifier: GPL-2.0-only
/* One resource for each traced process: what it is, where it runs, which service it belongs to. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/baggage.h"
#include "decode/text_iter.h"
#include "sink/format.h"
#include "sink/otlp_record.h"

#define KEYS_MAX 160

static const char *otel_arch(const char *machine)
{
	static const char *const names[][2] = {
		{"x86_64", "amd64"}, {"aarch64", "arm64"}, {"i686", "x86"}};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i][0], machine))
			return names[i][1];
	return machine;
}

void otlp_origin_init(struct otlp_origin *origin, const struct buf *attributes)
{
	int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct utsname names;
	ssize_t n;

	*origin = (struct otlp_origin){.attributes = attributes};
	n = fd < 0 ? 0 : read(fd, origin->machine, sizeof(origin->machine) - 1);
	if (fd >= 0)
		close(fd);
	origin->machine[n == 32 ? 32 : 0] = '\0';
	if (uname(&names))
		return;
	snprintf(origin->host, sizeof(origin->host), "%s", names.nodename);
	snprintf(origin->arch, sizeof(origin->arch), "%s", otel_arch(names.machine));
}

/* The attributes of a resource are unique by key: the first one stays. */
struct resource {
	struct otlp_writer *w;
	const char *keys[KEYS_MAX];
	size_t n;
};

static bool is_new(struct resource *r, const char *key)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (!strcmp(r->keys[i], key))
			return false;
	if (r->n == KEYS_MAX)
		return false;
	r->keys[r->n++] = key;
	return true;
}

static void put(struct resource *r, const char *key, const char *value)
{
	if (value && *value && is_new(r, key))
		otlp_put_cstr(r->w, key, value);
}

static void put_int(struct resource *r, const char *key, int64_t value)
{
	if (is_new(r, key))
		otlp_put_int(r->w, key, value);
}

static void put_pairs(struct resource *r, const char *pairs, size_t len)
{
	const char *key, *value;
	size_t at = 0;

	while (baggage_next(pairs, len, &at, &key, &value))
		put(r, key, value);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* What tells one process from all others. */
static const char *const identity[] = {"process.pid", "process.creation.time", "process.parent_pid",
				       "process.vpid"};

void otlp_write_identity(struct otlp_writer *w, const struct audit_event *event)
{
	const struct process_info *p = event->process;
	struct buf time = {0};

	otlp_put_int(w, identity[0], event->pid);
	if (p && p->started_ns) {
		format_time_utc(&time, p->started_ns);
		buf_char(&time, '\0');
		if (!time.failed)
			otlp_put_cstr(w, identity[1], time.data);
		buf_free(&time);
	}
	if (event->ppid)
		otlp_put_int(w, identity[2], event->ppid);
	if (p && p->ns_pid && p->ns_pid != p->pid)
		otlp_put_int(w, identity[3], p->ns_pid);
}

/* Whatever else names these, it is not put into the resource. */
static void put_identity(struct resource *r, const struct otlp_origin *origin,
			 const struct audit_event *event)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(identity); i++)
		is_new(r, identity[i]);
	if (!origin->identity_in_records)
		otlp_write_identity(r->w, event);
}

static void put_missed(struct resource *r, const struct process_info *p)
{
	struct buf text = {0};
	size_t i;

	for (i = 0; i < p->n_missed; i++)
		buf_printf(&text, i ? "; %s" : "%s", p->missed[i]);
	buf_char(&text, '\0');
	if (p->n_missed && !text.failed)
		put(r, "pyaudit.missed", text.data);
	buf_free(&text);
}

static void put_program(struct resource *r, const struct process_info *p)
{
	if (p->exe) {
		put(r, "process.executable.path", p->exe);
		put(r, "process.executable.name", base_name(p->exe));
	}
	if (p->cmdline && p->cmdline_len)
		put(r, "process.command", p->cmdline);
	put(r, "process.working_directory", p->cwd);
	put(r, "process.runtime.name", "cpython");
	put(r, "process.runtime.version", p->python);
	put(r, "process.runtime.description", p->build);
	put(r, "pyaudit.probe", p->probe);
	put_missed(r, p);
}

static void put_place(struct resource *r, const struct process_info *p)
{
	put(r, "process.linux.cgroup", p->cgroup);
	put(r, "container.id", p->container);
	put(r, "k8s.pod.uid", p->pod);
	put(r, "pyaudit.systemd.unit", p->unit);
}

static void put_process(struct resource *r, const struct otlp_origin *origin,
			const struct audit_event *event)
{
	const struct process_info *p = event->process;

	put_identity(r, origin, event);
	put_int(r, "process.user.id", event->uid);
	if (!p)
		return;
	put_program(r, p);
	put_place(r, p);
}

/* What the process says of itself comes before what is said of all of them. */
static void put_service(struct resource *r, const struct otlp_origin *origin,
			const struct audit_event *event)
{
	const struct process_info *p = event->process;
	char unknown[128];

	if (p && p->otel)
		put_pairs(r, p->otel, p->otel_len);
	put_pairs(r, origin->attributes->data, origin->attributes->len);
	if (!event->pid) {
		put(r, "service.name", "pyaudit-trace");
		return;
	}
	snprintf(unknown, sizeof(unknown), "unknown_service:%s",
		 p && p->exe ? base_name(p->exe) : "python");
	put(r, "service.name", unknown);
}

void otlp_write_resource(struct otlp_writer *w, const struct otlp_origin *origin,
			 const struct audit_event *event)
{
	struct resource r = {.w = w};

	otlp_attributes_begin(w, OTLP_RESOURCE_ATTRIBUTES);
	if (event->pid)
		put_process(&r, origin, event);
	put(&r, "host.name", origin->host);
	put(&r, "host.id", origin->machine);
	put(&r, "host.arch", origin->arch);
	put_service(&r, origin, event);
	otlp_attributes_end(w);
}
