// SPDX-License-Identifier: GPL-2.0-only
/* One object a line: {"type":"kernel",...}, {"type":"image",...}, {"type":"other",...}. */
#include "check_write.h"
#include "sink/json.h"

static void write_string(struct buf *out, const char *key, const char *value)
{
	buf_str(out, key);
	json_cstr(out, value);
}

static void write_flag(struct buf *out, const char *key, bool value)
{
	buf_str(out, key);
	buf_str(out, value ? "true" : "false");
}

static void write_kernel(struct buf *out, const struct check_kernel *k)
{
	size_t i;

	write_string(out, "{\"type\":\"kernel\",\"release\":", k->release);
	buf_str(out, ",\"features\":[");
	for (i = 0; i < k->n_features; i++) {
		write_string(out, i ? ",{\"name\":" : "{\"name\":", k->features[i].name);
		write_flag(out, ",\"present\":", k->features[i].present);
		write_flag(out, ",\"needed\":", k->features[i].needed);
		buf_char(out, '}');
	}
	buf_str(out, "],\"capabilities\":[");
	for (i = 0; i < k->n_capabilities; i++) {
		write_string(out, i ? ",{\"name\":" : "{\"name\":", k->capabilities[i].name);
		write_flag(out, ",\"held\":", k->capabilities[i].held);
		write_flag(out, ",\"needed\":", k->capabilities[i].needed);
		buf_char(out, '}');
	}
	buf_str(out, "]}\n");
}

static void write_probe(struct buf *out, const struct py_probe *p)
{
	write_string(out, "{\"entry\":", py_entry_name(p->config.entry));
	buf_printf(out, ",\"function\":\"0x%llx\",\"offset\":%llu", (unsigned long long)p->function,
		   (unsigned long long)(p->config.link_addr - p->function));
	write_flag(out, ",\"emulated\":", p->emulated);
	write_string(out, ",\"found\":", py_found_name(p->found));
	buf_char(out, '}');
}

static void write_choice(struct buf *out, const char *key, const struct py_image *image,
			 enum py_probe_choice choice)
{
	size_t n, i;
	const struct py_probe *probes = py_image_probes(image, choice, &n);
	const char *const *gaps;

	buf_str(out, key);
	buf_str(out, "{\"probes\":[");
	for (i = 0; i < n; i++) {
		buf_str(out, i ? "," : "");
		write_probe(out, &probes[i]);
	}
	buf_str(out, "],\"missed\":[");
	gaps = py_image_gaps(image, choice, &n);
	for (i = 0; i < n; i++) {
		buf_str(out, i ? "," : "");
		json_cstr(out, gaps[i]);
	}
	buf_str(out, "]}");
}

static void write_subject(struct buf *out, const char *type, const struct check_subject *subject)
{
	write_string(out, "{\"type\":", type);
	if (subject->pid)
		buf_printf(out, ",\"pid\":%d", subject->pid);
	if (subject->path)
		write_string(out, ",\"path\":", subject->path);
	if (subject->file)
		write_string(out, ",\"file\":", subject->file);
}

static void write_image(struct buf *out, const struct check_subject *subject,
			const struct py_image *image, enum py_probe_choice choice)
{
	const char *gap = py_image_stack_gap(image, choice);
	char version[32];

	write_subject(out, "image", subject);
	write_string(out, ",\"python\":", py_version_text(image, version, sizeof(version)));
	write_flag(out, ",\"shared\":", image->shared_library);
	write_flag(out, ",\"free_threaded\":", image->free_threaded);
	write_string(out, ",\"layout\":", check_layout(image));
	write_string(out, ",\"stacks\":", gap ? gap : py_image_thread_source(image));
	write_string(out, ",\"choice\":", choice == PY_PROBE_USDT ? "usdt" : "uprobe");
	write_choice(out, ",\"uprobe\":", image, PY_PROBE_UPROBE);
	write_choice(out, ",\"usdt\":", image, PY_PROBE_USDT);
	buf_str(out, "}\n");
}

static void write_other(struct buf *out, const struct check_subject *subject, const char *why)
{
	write_subject(out, "other", subject);
	write_string(out, ",\"why\":", why);
	buf_str(out, "}\n");
}

const struct check_writer check_json = {write_kernel, write_image, write_other};
