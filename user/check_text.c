// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "check_write.h"
#include "sink/text.h"

static const char *mark(bool present, bool needed)
{
	return present ? "yes" : needed ? "NO" : "no";
}

/* A feature or capability: its name, whether it is there, and what to know about that. */
static void write_item(struct buf *out, const char *name, const char *mark, const char *detail)
{
	if (*detail)
		buf_printf(out, "  %-22s %-3s  %s\n", name, mark, detail);
	else
		buf_printf(out, "  %-22s %s\n", name, mark);
}

static void write_kernel(struct buf *out, const struct check_kernel *k)
{
	size_t i;

	buf_printf(out, "kernel Linux %s\n", k->release);
	for (i = 0; i < k->n_features; i++)
		write_item(out, k->features[i].name,
			   mark(k->features[i].present, k->features[i].needed),
			   k->features[i].present ? "" : k->features[i].detail);
	buf_str(out, "capabilities\n");
	for (i = 0; i < k->n_capabilities; i++)
		write_item(out, k->capabilities[i].name,
			   mark(k->capabilities[i].held, k->capabilities[i].needed),
			   k->capabilities[i].detail);
}

static void write_probe(struct buf *out, const struct py_probe *p)
{
	buf_printf(out, "    %-18s at 0x%llx+%llu, %s; found by %s\n",
		   py_entry_name(p->config.entry), (unsigned long long)p->function,
		   (unsigned long long)(p->config.link_addr - p->function),
		   p->emulated ? "emulated (fast)" : "single-stepped (slow)",
		   py_found_name(p->found));
}

static void write_choice(struct buf *out, const struct py_image *image, enum py_probe_choice choice)
{
	size_t n, i;
	const struct py_probe *probes = py_image_probes(image, choice, &n);
	const char *const *gaps;

	if (!n) {
		buf_str(out, "    none\n");
		return;
	}
	for (i = 0; i < n; i++)
		write_probe(out, &probes[i]);
	gaps = py_image_gaps(image, choice, &n);
	for (i = 0; i < n; i++)
		buf_printf(out, "    misses: %s\n", gaps[i]);
}

/* "PID 4711: /usr/bin/python3.11: ", the file only if it is not what was asked about. */
static void write_subject(struct buf *out, const struct check_subject *subject)
{
	if (subject->pid)
		buf_printf(out, "PID %d: ", (int)subject->pid);
	else
		text_bare(out, subject->path);
	if (!subject->pid)
		buf_str(out, ": ");
	if (subject->file && (subject->pid || strcmp(subject->file, subject->path))) {
		text_bare(out, subject->file);
		buf_str(out, ": ");
	}
}

static void write_image(struct buf *out, const struct check_subject *subject,
			const struct py_image *image, enum py_probe_choice choice)
{
	const char *gap;
	char version[32];

	write_subject(out, subject);
	buf_printf(out, "CPython %s, %s%s%s\n", py_version_text(image, version, sizeof(version)),
		   image->shared_library ? "shared library" : "executable",
		   image->free_threaded ? ", free-threaded" : "",
		   image->has_usdt ? ", USDT python:audit" : "");
	buf_printf(out, "  object layout: %s\n", check_layout(image));
	gap = py_image_stack_gap(image, choice);
	buf_printf(out, "  call stacks: %s%s\n",
		   image->config.stack.walk ? "known; the thread's state is in " : "not known",
		   image->config.stack.walk ? py_image_thread_source(image) : "");
	if (gap)
		buf_printf(out, "    misses: %s\n", gap);
	buf_printf(out, "  uprobes%s\n", choice == PY_PROBE_UPROBE ? " (chosen)" : "");
	write_choice(out, image, PY_PROBE_UPROBE);
	buf_printf(out, "  usdt%s\n", choice == PY_PROBE_USDT ? " (chosen)" : "");
	write_choice(out, image, PY_PROBE_USDT);
	if (choice == PY_PROBE_USDT)
		buf_str(out,
			"    side effect: CPython builds the argument tuple of every event, as for "
			"a hook\n");
}

static void write_other(struct buf *out, const struct check_subject *subject, const char *why)
{
	write_subject(out, subject);
	text_bare(out, why);
	buf_char(out, '\n');
}

const struct check_writer check_text = {write_kernel, write_image, write_other};
