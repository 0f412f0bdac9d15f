// SPDX-License-Identifier: GPL-2.0-only
/* The exposition format: each family once, each series of a closed set, values where they belong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sink/metrics.h"

static struct buf out;
static struct metrics_events events;
static const struct exporter_stats exporter = {
	.name = "a\\b\"c\nd",
	.drops = {{"queue_full", 5}, {"refused", 0}},
	.n_drops = 2,
};

static struct metrics metrics = {
	.events = &events,
	.totals = {.seen = 100,
		   .delivered = 50,
		   .filtered = 30,
		   .lost = {[LOSS_DECODE] = 7},
		   .exporters = &exporter,
		   .n_exporters = 1},
	.records = 60,
	.decode_errors = 8,
	.ring_bytes = 4096,
	.ring_used_bytes = 24,
	.ring_peak_bytes = 48,
	.uprobe_files = 2,
	.usdt_files = 1,
	.incomplete_files = 1,
	.emulated = 5,
	.stepped = 1,
	.processes = 9,
	.process = {1795327824.5, 0.25, 1000, 2000},
	.has_output = true,
	.output =
		{.name = "output", .queue_bytes = 10, .queue_max = 20, .delivered = 30, .up = true},
};

static void expect(const char *line)
{
	char *found = strstr(out.data, line);

	if (!found)
		print_error("no line %s", line);
	assert_non_null(found);
	assert_true(found == out.data || found[-1] == '\n');
	assert_null(strstr(found + 1, line));
}

static void write_all(void)
{
	out.len = 0;
	metrics_write(&out, &metrics);
	buf_char(&out, '\0');
	assert_false(out.failed);
}

static void test_values(void **state)
{
	write_all();
	expect("pyaudit_events_seen_total 100\n");
	expect("pyaudit_events_delivered_total 50\n");
	expect("pyaudit_events_filtered_total 30\n");
	expect("pyaudit_events_lost_total{reason=\"ring\"} 0\n");
	expect("pyaudit_events_lost_total{reason=\"decode\"} 7\n");
	expect("pyaudit_records_total 60\n");
	expect("pyaudit_decode_errors_total 8\n");
	expect("pyaudit_ring_size_bytes 4096\n");
	expect("pyaudit_ring_used_bytes 24\n");
	expect("pyaudit_ring_peak_bytes 48\n");
	expect("pyaudit_probed_files{kind=\"uprobe\"} 2\n");
	expect("pyaudit_probed_files{kind=\"usdt\"} 1\n");
	expect("pyaudit_probed_files_incomplete 1\n");
	expect("pyaudit_probes{execution=\"emulated\"} 5\n");
	expect("pyaudit_probes{execution=\"single_stepped\"} 1\n");
	expect("pyaudit_traced_processes 9\n");
	expect("process_start_time_seconds 1795327824.5\n");
	expect("process_cpu_seconds_total 0.25\n");
	expect("process_resident_memory_bytes 1000\n");
	expect("pyaudit_build_info{version=\"" PYAUDIT_VERSION "\"} 1\n");
}

static void test_sinks(void **state)
{
	write_all();
	expect("pyaudit_sink_queue_bytes{sink=\"output\"} 10\n");
	expect("pyaudit_sink_queue_max_bytes{sink=\"output\"} 20\n");
	expect("pyaudit_sink_delivered_total{sink=\"output\"} 30\n");
	expect("pyaudit_sink_up{sink=\"output\"} 1\n");
	expect("pyaudit_sink_up{sink=\"a\\\\b\\\"c\\nd\"} 0\n");
	expect("pyaudit_sink_dropped_total{sink=\"a\\\\b\\\"c\\nd\",reason=\"queue_full\"} 5\n");
	expect("pyaudit_sink_dropped_total{sink=\"a\\\\b\\\"c\\nd\",reason=\"refused\"} 0\n");
}

/* Names of the table have series of their own; what a program makes up has one together. */
static void test_events(void **state)
{
	struct audit_event event = {.row = event_find("open")};

	metrics_events_count(&events, &event);
	metrics_events_count(&events, &event);
	event = (struct audit_event){.name_text = "my.event"};
	metrics_events_count(&events, &event);
	strcpy(event.name_text, "my.other");
	metrics_events_count(&events, &event);
	write_all();
	expect("pyaudit_events_total{event=\"open\",category=\"file\"} 2\n");
	expect("pyaudit_events_total{event=\"custom\",category=\"custom\"} 2\n");
	expect("pyaudit_events_total{event=\"os.remove\",category=\"file\"} 0\n");
	assert_null(strstr(out.data, "my."));
	assert_null(strstr(out.data, "winreg"));
}

/* Each family has its HELP and TYPE once, before its series. */
static void test_families(void **state)
{
	char *line, *rest = NULL, family[128] = "", *copy;
	size_t families = 0;

	write_all();
	copy = strdup(out.data);
	for (line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (!strncmp(line, "# HELP ", 7)) {
			assert_int_equal(sscanf(line, "# HELP %127s", family), 1);
			families++;
		} else if (!strncmp(line, "# TYPE ", 7)) {
			assert_memory_equal(line + 7, family, strlen(family));
		} else {
			assert_memory_equal(line, family, strlen(family));
			assert_non_null(memchr("{ ", line[strlen(family)], 2));
		}
	}
	assert_in_range(families, 20, 100);
	free(copy);
}

static int open_events(void **state)
{
	return metrics_events_init(&events);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_sinks),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_families),
	};

	return cmocka_run_group_tests(tests, open_events, NULL);
}
