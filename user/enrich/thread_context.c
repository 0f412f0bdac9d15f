// SPDX-License-Identifier: GPL-2.0-only
#include "enrich/thread_context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/seen.h"
#include "enrich/otel.h"

#define OTHERS_MAX     16384 /* files that do not export the variable */
#define EXPORTERS_MAX  256   /* and that do */
#define CANDIDATES_MAX 16384
#define CANDIDATES_PID 8 /* of one process */

/* Milliseconds from one look to the next, until the place is known; the last goes on. Then: */
static const unsigned int pauses[] = {5, 20, 100, 1000, 10000};
#define N_PAUSES    (sizeof(pauses) / sizeof(pauses[0]))
#define PAUSE_GOOD  60000
#define PAUSE_AGAIN 1000 /* and if it is mapped again */

/* Looks after which a place that is not known is news. */
#define LOOKS_QUIET 3

struct exporter {
	struct seen_key key;
	struct elf_tls tls;
	int error; /* of elf_tls_find: exported, but not to be reached */
};

/* A process and a file of it that exports the variable. */
struct candidate {
	pid_t pid;
	uint64_t started; /* of the process, ticks: its number may be used again */
	uint64_t added;	  /* boot clock, ns */
	uint64_t dev, ino, bias;
	struct elf_tls tls;
	int64_t due; /* ms, monotonic clock */
	unsigned int looks;
	int error; /* 0: its place is known */
	int told;  /* the error that the user knows of */
	struct context_place place;
};

struct contexts {
	contexts_fn fn;
	void *arg;
	struct seen *others;
	struct exporter *exporters;
	size_t n_exporters;
	struct candidate *candidates;
	size_t n, cap;
	int64_t due; /* of the first */
	bool full;
};

struct contexts *contexts_new(contexts_fn fn, void *arg)
{
	struct contexts *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->fn = fn;
	c->arg = arg;
	c->others = seen_new(OTHERS_MAX);
	c->exporters = calloc(EXPORTERS_MAX, sizeof(*c->exporters));
	if (c->others && c->exporters)
		return c;
	contexts_free(c);
	return NULL;
}

void contexts_free(struct contexts *c)
{
	if (!c)
		return;
	seen_free(c->others);
	free(c->exporters);
	free(c->candidates);
	free(c);
}

/* --- where the variable is --- */

static bool read_memory(pid_t pid, uint64_t at, void *data, size_t len)
{
	struct iovec here = {data, len}, there = {(void *)at, len};

	return process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)len;
}

/* What a process has there can be any number. */
static int64_t sum(uint64_t a, int64_t b)
{
	return (int64_t)(a + (uint64_t)b);
}

/* In x86-64 the static blocks end at the thread pointer. */
static int place_static(int64_t distance, struct context_place *place)
{
	*place = (struct context_place){.offset = distance};
	if (!distance)
		return -EAGAIN;
	return distance < 0 && distance > -(1ll << 32) && !(distance & 7) ? 0 : -ENOTSUP;
}

static int place_dynamic(const struct elf_tls *tls, uint64_t module, int64_t offset,
			 uint64_t generation, struct context_place *place)
{
	static const uint32_t strides[] = {[ELF_LIBC_GLIBC] = 16, [ELF_LIBC_MUSL] = 8};

	*place = (struct context_place){.module = (uint32_t)module,
					.dtv_stride = strides[tls->libc],
					.offset = offset,
					.generation = generation};
	if (!module)
		return -EAGAIN;
	return module < 1 << 20 && offset >= 0 && offset < 1ll << 30 && place->dtv_stride
		       ? 0
		       : -ENOTSUP;
}

/*
 * A descriptor's function is in the loader (glibc sysdeps/x86_64/dl-tlsdesc.S; musl
 * src/ldso/x86_64/tlsdesc.s). As long as it is 0, or one of the file's own, which asks the loader
 * at the first use (glibc before 2.34), nothing is resolved. The argument is the distance from the
 * thread pointer, or points to module, offset and, with glibc, the generation of the DTV that has
 * both.
 */
static int place_descriptor(pid_t pid, const struct elf_tls *tls, uint64_t bias,
			    const uint64_t slot[2], struct context_place *place)
{
	uint64_t index[3] = {0};
	size_t size = tls->libc == ELF_LIBC_GLIBC ? sizeof(index) : 2 * sizeof(*index);

	if (!slot[0] || slot[0] - bias - tls->start < tls->end - tls->start)
		return -EAGAIN;
	if (!slot[1])
		return -EAGAIN;
	if ((int64_t)slot[1] < 0)
		return place_static(sum(slot[1], tls->adjust), place);
	if (!read_memory(pid, slot[1], index, size))
		return -ENOTSUP;
	return place_dynamic(tls, index[0], sum(index[1], tls->adjust), index[2], place);
}

int thread_context_place(pid_t pid, const struct elf_tls *tls, uint64_t bias,
			 struct context_place *place)
{
	uint64_t slot[2] = {0};
	size_t size = tls->form == ELF_TLS_PAIR || tls->form == ELF_TLS_DESCRIPTOR ? 16 : 8;

	if (tls->form == ELF_TLS_EXECUTABLE)
		return place_static(tls->adjust, place);
	if (!read_memory(pid, bias + tls->slot, slot, size))
		return -EFAULT;
	switch (tls->form) {
	case ELF_TLS_OFFSET:
		return slot[0] ? place_static(sum(slot[0], tls->adjust), place) : -EAGAIN;
	case ELF_TLS_PAIR:
		/* Two relocations, of which the second may be to come. */
		if (!slot[1] && tls->value)
			return -EAGAIN;
		return place_dynamic(tls, slot[0], sum(slot[1], tls->adjust), 0, place);
	case ELF_TLS_MODULE: return place_dynamic(tls, slot[0], tls->adjust, 0, place);
	default: return place_descriptor(pid, tls, bias, slot, place);
	}
}

/* --- whose --- */

/* Ticks; 0: it is gone. */
static uint64_t start_of(int dir)
{
	char text[1024];
	struct proc_stat st;
	size_t len;

	if (target_read_file(dir, "stat", text, sizeof(text), &len) || target_parse_stat(text, &st))
		return 0;
	return st.start;
}

/* The place of a program's own variable is known without its memory, so it must still run it. */
static bool executes(int dir, const struct candidate *e)
{
	struct stat st;

	return !fstatat(dir, "exe", &st, 0) && st.st_dev == e->dev && st.st_ino == e->ino;
}

/* What is published beside the contexts says how they are to be read. A process that says nothing
 * of that has the record that the variable's name stands for. */
static int check_schema(pid_t pid)
{
	static const char *const known[] = {"tls_v1", "tlsdesc_v1", "tlsdesc_v1_dev"};
	char schema[32];
	size_t i;
	int err = otel_read_schema((uint32_t)pid, schema, sizeof(schema));

	if (err)
		return err == -ENOENT ? 0 : -EBUSY;
	for (i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(known[i], schema))
			return 0;
	return -EPROTONOSUPPORT;
}

static int look_in(int dir, struct candidate *e)
{
	int err;

	if (start_of(dir) != e->started)
		return -ESRCH;
	if (e->tls.form == ELF_TLS_EXECUTABLE && !executes(dir, e))
		return -EFAULT;
	err = thread_context_place(e->pid, &e->tls, e->bias, &e->place);
	return err ?: check_schema(e->pid);
}

/* 0: its place is known. -ESRCH: the process is gone. */
static int look(struct candidate *e)
{
	int dir, err = target_open_process(e->pid, &dir);

	if (err)
		return -ESRCH;
	err = look_in(dir, e);
	close(dir);
	return err;
}

static bool same_place(const struct context_place *a, const struct context_place *b)
{
	return a->module == b->module && a->offset == b->offset && a->generation == b->generation;
}

/* Libraries of which one has taken the other's variable have the same. */
static void add_place(struct process_context *context, const struct context_place *place)
{
	uint32_t i;

	for (i = 0; i < context->n; i++)
		if (same_place(&context->places[i], place))
			return;
	if (context->n < CONTEXT_PLACES)
		context->places[context->n++] = *place;
}

static void tell(struct contexts *c, pid_t pid)
{
	struct process_context context = {0};
	size_t i;

	for (i = 0; i < c->n; i++)
		if (c->candidates[i].pid == pid && !c->candidates[i].error)
			add_place(&context, &c->candidates[i].place);
	c->fn(pid, &context, c->arg);
}

/* What will come in a moment is no news, unless it does not. */
static void tell_user(struct candidate *e)
{
	static const struct {
		int error;
		const char *why;
	} reasons[] = {
		{-EAGAIN, "the dynamic loader has not resolved the variable"},
		{-EFAULT, "the library is not mapped any more"},
		{-ENOTSUP, "it is not known how the variable is reached"},
		{-EPROTONOSUPPORT, "their threadlocal.schema_version is not known"},
		{-EBUSY, "the process context cannot be read"},
	};
	size_t i;

	if (e->error == e->told || (e->error && e->looks < LOOKS_QUIET))
		return;
	e->told = e->error;
	if (!e->error)
		log_info("PID %d: OpenTelemetry thread contexts: %s", e->pid,
			 e->place.module ? "in a block of the thread's own"
					 : "at a fixed distance from the thread pointer");
	for (i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (reasons[i].error == e->error)
			log_info("PID %d: OpenTelemetry thread contexts are not read: %s", e->pid,
				 reasons[i].why);
}

static void take_out(struct contexts *c, size_t i)
{
	memmove(&c->candidates[i], &c->candidates[i + 1], (c->n - i - 1) * sizeof(*c->candidates));
	c->n--;
}

/* When to look again; never, if it is not there after all: then false. */
static bool put_off(struct candidate *e, int64_t now)
{
	bool last = e->looks == N_PAUSES - 1;

	e->due = now + (e->error ? pauses[e->looks] : PAUSE_GOOD);
	if (!last)
		e->looks++;
	return e->error != -EFAULT || !last;
}

/*
 * Looks at one, and says what has changed; false: it is gone. What was said is looked at once more:
 * meanwhile the process may have ended or executed another file, and the kernel side have forgotten
 * it before we said so.
 */
static bool look_again(struct contexts *c, struct candidate *e, int64_t now)
{
	struct candidate before = *e;
	bool changed;

	e->error = look(e);
	if (e->error == -ESRCH)
		return false;
	changed = e->error != before.error || (!e->error && !same_place(&e->place, &before.place));
	if (changed && (!e->error || !before.error)) {
		tell(c, e->pid);
		if (!e->error && look(e)) {
			e->error = -EFAULT;
			tell(c, e->pid);
		}
	}
	tell_user(e);
	return put_off(e, now);
}

void contexts_poll(struct contexts *c)
{
	int64_t now = c->n ? clock_ms() : 0, due = INT64_MAX;
	size_t i = 0;

	if (!c->n || now < c->due)
		return;
	while (i < c->n) {
		struct candidate *e = &c->candidates[i];

		if (now >= e->due && !look_again(c, e, now)) {
			take_out(c, i);
			continue;
		}
		due = e->due < due ? e->due : due;
		i++;
	}
	c->due = due;
}

/* --- candidates --- */

static struct candidate *new_candidate(struct contexts *c)
{
	size_t cap = c->cap ? c->cap * 2 : 16;
	struct candidate *candidates;

	if (c->n == CANDIDATES_MAX) {
		if (!c->full)
			log_warn("OpenTelemetry thread contexts: more than %d processes publish "
				 "them; those of others are not read",
				 CANDIDATES_MAX);
		c->full = true;
		return NULL;
	}
	if (c->n == c->cap) {
		candidates = reallocarray(c->candidates, cap, sizeof(*candidates));
		if (!candidates)
			return NULL;
		c->candidates = candidates;
		c->cap = cap;
	}
	return &c->candidates[c->n++];
}

static size_t count_of(const struct contexts *c, pid_t pid)
{
	size_t i, n = 0;

	for (i = 0; i < c->n; i++)
		n += c->candidates[i].pid == pid;
	return n;
}

static struct candidate *find_candidate(const struct contexts *c, const struct candidate *like)
{
	size_t i;

	for (i = 0; i < c->n; i++) {
		struct candidate *e = &c->candidates[i];

		if (e->pid == like->pid && e->started == like->started && e->dev == like->dev &&
		    e->ino == like->ino && e->bias == like->bias)
			return e;
	}
	return NULL;
}

static void hasten(struct contexts *c, struct candidate *e, int64_t due)
{
	e->due = due < e->due ? due : e->due;
	c->due = e->due < c->due ? e->due : c->due;
}

/* What a process loads may be in the place of what it has unloaded. */
static void doubt_others(struct contexts *c, pid_t pid)
{
	int64_t due = clock_ms() + PAUSE_AGAIN;
	size_t i;

	for (i = 0; i < c->n; i++)
		if (c->candidates[i].pid == pid)
			hasten(c, &c->candidates[i], due);
}

/* The library has been taken out and is in again, at the same place. A process may do that all the
 * time: only a look that ends early is cheap. */
static void add_again(struct contexts *c, struct candidate *e)
{
	bool cheap = e->error == -EAGAIN || e->error == -EFAULT;

	if (cheap)
		e->looks = 0;
	e->added = clock_ns(CLOCK_BOOTTIME);
	hasten(c, e, clock_ms() + (cheap ? 0 : PAUSE_AGAIN));
}

static void add_candidate(struct contexts *c, const struct candidate *like)
{
	struct candidate *e = find_candidate(c, like);

	if (e) {
		add_again(c, e);
		return;
	}
	if (count_of(c, like->pid) >= CANDIDATES_PID)
		return;
	doubt_others(c, like->pid);
	e = new_candidate(c);
	if (!e)
		return;
	*e = *like;
	e->added = clock_ns(CLOCK_BOOTTIME);
	e->due = clock_ms();
	e->looks = 0;
	e->error = e->told = -EINPROGRESS;
	if (!look_again(c, e, e->due))
		c->n--;
	else if (c->n == 1 || e->due < c->due)
		c->due = e->due;
}

static struct exporter *find_exporter(struct contexts *c, struct seen_key key)
{
	size_t i;

	for (i = 0; i < c->n_exporters; i++)
		if (!memcmp(&c->exporters[i].key, &key, sizeof(key)))
			return &c->exporters[i];
	return NULL;
}

/* NULL: it exports no such variable. */
static struct exporter *examine(struct contexts *c, const struct target_file *file,
				struct seen_key key)
{
	struct exporter found = {.key = key};
	struct elf_file f;

	if (elf_file_open(&f, file->fd)) {
		seen_add(c->others, key);
		return NULL;
	}
	found.error = elf_tls_find(&f, THREAD_CONTEXT_SYMBOL, &found.tls);
	elf_file_close(&f);
	if (found.error == -ENOENT) {
		seen_add(c->others, key);
		return NULL;
	}
	if (found.error)
		log_info("%s: exports " THREAD_CONTEXT_SYMBOL ", but no relocation tells where it "
			 "is in a process: OpenTelemetry thread contexts are not read",
			 file->path);
	/* When there are that many they are looked at once more. */
	if (c->n_exporters == EXPORTERS_MAX)
		c->n_exporters = 0;
	c->exporters[c->n_exporters] = found;
	return &c->exporters[c->n_exporters++];
}

bool contexts_file(struct contexts *c, const struct target_file *file, pid_t pid)
{
	struct seen_key key = {file->dev, file->ino, (uint64_t)file->modified ^ file->size << 48};
	struct exporter *exporter;
	struct candidate e = {0};
	int dir;

	if (seen_has(c->others, key))
		return false;
	exporter = find_exporter(c, key) ?: examine(c, file, key);
	if (!exporter || exporter->error)
		return exporter;
	if (target_open_process(pid, &dir))
		return true;
	e.pid = pid;
	e.started = start_of(dir);
	close(dir);
	e.dev = file->dev;
	e.ino = file->ino;
	e.tls = exporter->tls;
	if (e.tls.form != ELF_TLS_EXECUTABLE)
		e.bias = file->start - file->offset - e.tls.code;
	if (e.started && (file->start || e.tls.form == ELF_TLS_EXECUTABLE))
		add_candidate(c, &e);
	return true;
}

void contexts_fork(struct contexts *c, pid_t parent, pid_t child)
{
	size_t i, n = c->n;
	int dir;

	for (i = 0; i < n; i++) {
		struct candidate e = c->candidates[i];

		if (e.pid != parent || target_open_process(child, &dir))
			continue;
		e.pid = child;
		e.started = start_of(dir);
		close(dir);
		if (e.started)
			add_candidate(c, &e);
	}
}

void contexts_forget(struct contexts *c, pid_t pid, uint64_t until)
{
	size_t i = 0;

	while (i < c->n)
		if (c->candidates[i].pid == pid && c->candidates[i].added <= until)
			take_out(c, i);
		else
			i++;
}
