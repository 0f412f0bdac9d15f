# SPDX-License-Identifier: GPL-2.0-only
#
#   make              build/pyaudit-trace
#   make demo         install what is missing, build, show a first real trace
#   make check        install what is missing, build, run every test
#   make help         all targets
#   make V=1          show the commands

B := build
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' '$(1)' '$(2)')

VERSION := 0.1.0
PREFIX ?= /usr/local
INSTALL ?= install
CLANG ?= clang
CLANG_FORMAT ?= clang-format
FUZZ_SECONDS ?= 60
FUZZERS ?= $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
SOAK_SECONDS ?= 600
# Ubuntu's /usr/sbin/bpftool only works for the kernel it was packaged with; the tool behind it for any.
BPFTOOL ?= $(firstword $(wildcard /usr/lib/linux-tools/*/bpftool /usr/sbin/bpftool) bpftool)
CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Werror -Wno-unused-parameter -Wshadow -Wstrict-prototypes -Wmissing-prototypes
ALL_CFLAGS := -std=gnu11 $(WARN) -D_GNU_SOURCE -DPYAUDIT_VERSION='"$(VERSION)"' -Iuser -Iinclude -I$(B) $(CFLAGS)
LIBS := -lbpf -lelf -lz -lZydis -llzma -lmicrohttpd -lcurl -lyaml -lpcre2-32 -ljansson -lseccomp
BPF_CFLAGS := -O2 -g -target bpf -mcpu=v2 -D__TARGET_ARCH_x86 -Wall -Wextra -Werror \
	-Wno-unused-parameter -Wno-unused-function -Iinclude -Ivmlinux/x86_64 -I.

SRC := $(filter-out user/main.c,$(wildcard user/*.c user/*/*.c))
OBJ := $(SRC:%.c=$(B)/%.o)
UNIT := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))
# The fuzzers, each with its corpus.
REPLAY := $(patsubst tests/fuzz/fuzz_%.c,$(B)/replay/replay_%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ := $(FUZZERS:%=$(B)/fuzz/fuzz_%)
STYLED := $(wildcard user/*.[ch] user/*/*.[ch] bpf/*.[ch] include/*.h tests/unit/*.[ch] tests/fuzz/*.[ch])

SANITIZE := -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all
REMAKE := $(MAKE) --no-print-directory

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all unit clean demo check e2e layers style docs schema events install uninstall bench matrix matrix-quick soak vmtest service-test collector-test export-bench \
	fuzz asan deb \
	format help FORCE
all: $(B)/pyaudit-trace

$(B)/pyaudit-trace: $(B)/user/main.o $(B)/libpyaudit.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(LDFLAGS) $(LIBS)

$(B)/libpyaudit.a: $(OBJ) $(B)/objects
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $(OBJ)

$(B)/%.o: %.c $(B)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/pyaudit.bpf.o: bpf/pyaudit.bpf.c $(B)/bpf.flags
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(@:.o=.d) -MT $@ -c -o $@ $<

# The same without what may sleep, for programs on tracepoints.
$(B)/pyaudit_atomic.bpf.o: bpf/pyaudit.bpf.c $(B)/bpf.flags
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -DNEVER_SLEEPS -MMD -MP -MF $(@:.o=.d) -MT $@ -c -o $@ $<

$(B)/%.skel.h: $(B)/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name pyaudit >$@

$(filter $(B)/user/kernel/%,$(OBJ)): | $(B)/pyaudit.skel.h $(B)/pyaudit_atomic.skel.h

# What the outputs depend on besides files: these change when the commands do, or the set of files.
$(B)/flags: export STAMP := $(CC) $(ALL_CFLAGS) $(LDFLAGS) $(LIBS)
$(B)/bpf.flags: export STAMP := $(CLANG) $(BPF_CFLAGS) $(BPFTOOL)
$(B)/objects: export STAMP := $(OBJ)
$(B)/flags $(B)/bpf.flags $(B)/objects: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' "$$STAMP" | cmp -s - $@ || printf '%s\n' "$$STAMP" >$@

unit: $(UNIT) $(REPLAY)
	$(Q)tests/run-unit $(UNIT) $(REPLAY)

$(B)/replay/replay_%: tests/fuzz/fuzz_%.c tests/fuzz/replay.c $(B)/libpyaudit.a
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -DCORPUS='"tests/fuzz/corpus/fuzz_$*"' -I. -MMD -MP -MF $@.d -MT $@ -o $@ \
		$< tests/fuzz/replay.c $(B)/libpyaudit.a $(LDFLAGS) $(LIBS)

# The BPF side stores to its work area unaligned, as it may on this machine.
$(B)/unit/test_bpf_%: UNIT_CFLAGS := -fno-sanitize=alignment
$(B)/unit/%: tests/unit/%.c $(B)/libpyaudit.a
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(UNIT_CFLAGS) -I. -MMD -MP -MF $@.d -MT $@ -o $@ $< $(B)/libpyaudit.a $(LDFLAGS) \
		-lcmocka -ljansson $(LIBS)

e2e: all
	$(Q)tests/as-root tests/e2e/run --tool $(B)/pyaudit-trace

layers:
	$(Q)tests/check-layers

docs: all
	$(Q)tests/check-docs --tool $(B)/pyaudit-trace
	$(Q)dist/make-completions --check --program $(B)/pyaudit-trace

schema: all
	$(Q)tests/as-root tests/check-schema --tool $(B)/pyaudit-trace

events: all
	$(Q)docs/make-events-page --check --program $(B)/pyaudit-trace
	$(Q)docs/make-siem-page --check
	$(Q)docs/make-syscalls-page --check
	$(Q)tests/check-events --program $(B)/pyaudit-trace

style:
	$(Q)CLANG_FORMAT=$(CLANG_FORMAT) tests/check-style $(STYLED)

# Each of these starts make anew where something may have been installed: what is there is looked at once.
demo:
	$(Q)tests/install-deps demo
	$(Q)$(REMAKE) all
	$(Q)tests/demo $(B)/pyaudit-trace

check:
	$(Q)tests/install-deps check
	$(Q)tests/fetch-proto || [ $$? = 77 ]
	$(Q)$(REMAKE) all
	$(Q)MAKE="$(REMAKE)" tests/run-all layers style docs schema events unit e2e

# Memory that is not freed at the end is an error too. The sanitizers' own system calls at the end are
# not those of the tracer. All takes longer: so do the tests' time limits.
asan: export ASAN_OPTIONS := detect_leaks=1
asan: export PYAUDIT_SECCOMP := off
asan: export PYAUDIT_PATIENCE := 5
asan:
	$(Q)tests/install-deps check
	$(Q)$(REMAKE) B=$(B)/asan CFLAGS='$(SANITIZE) -fsanitize=address,undefined' all
	$(Q)$(REMAKE) -k B=$(B)/asan CFLAGS='$(SANITIZE) -fsanitize=address,undefined' unit e2e

fuzz:
	$(Q)tests/install-deps fuzz
	$(Q)$(REMAKE) B=$(B)/fuzz CC=$(CLANG) CFLAGS='$(SANITIZE) -fsanitize=fuzzer-no-link,address,undefined' \
		fuzz-programs
	$(Q)tests/run-fuzz $(FUZZ_SECONDS) $(FUZZ:$(B)/fuzz/%=$(B)/fuzz/fuzz/%)

.PHONY: fuzz-programs
fuzz-programs: $(FUZZ)
$(B)/fuzz/%: tests/fuzz/%.c $(B)/libpyaudit.a
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -I. -MMD -MP -MF $@.d -MT $@ -o $@ $< $(B)/libpyaudit.a \
		$(LDFLAGS) $(LIBS)

$(B)/floor: tests/bench/floor.c $(B)/libpyaudit.a
	$(call say,CC,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $< $(B)/libpyaudit.a $(LDFLAGS) $(LIBS)

bench: all $(B)/floor
	$(Q)tests/as-root tests/bench/run --tool $(B)/pyaudit-trace

# Builds of CPython from Debian's suites; the quick one takes what this machine has.
matrix: all
	$(Q)tests/as-root tests/matrix/run --tool $(B)/pyaudit-trace

matrix-quick: all
	$(Q)tests/as-root tests/matrix/run --quick --tool $(B)/pyaudit-trace

soak: all
	$(Q)tests/as-root tests/soak/run --tool $(B)/pyaudit-trace --seconds $(SOAK_SECONDS)

# A real OpenTelemetry Collector, built from Debian's packages.
collector-test: all
	$(Q)tests/collector-test --tool $(B)/pyaudit-trace || [ $$? = 77 ]

# A million events to a receiver on the loopback, each once.
export-bench: all
	$(Q)tests/as-root tests/export-bench --tool $(B)/pyaudit-trace

vmtest: all
	$(Q)tests/install-deps vm
	$(Q)tests/vm/run

# The systemd unit of the package, started by a real systemd in a virtual machine.
service-test: deb
	$(Q)tests/install-deps vm
	$(Q)tests/as-root tests/service-test $(B)/deb/pyaudit-trace_$(VERSION)_amd64.deb || [ $$? = 77 ]

SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
BASHDIR := $(PREFIX)/share/bash-completion/completions
FISHDIR := $(PREFIX)/share/fish/vendor_completions.d
SHARE := $(PREFIX)/share/pyaudit-trace
SHARED := schema.json grafana-dashboard.json prometheus-rules.yml otelcol.yaml 50-old-kernel.conf config.yaml \
	pyaudit-trace.logrotate

# A configuration that is there stays.
install: all
	$(INSTALL) -D -m 755 $(B)/pyaudit-trace $(DESTDIR)$(PREFIX)/sbin/pyaudit-trace
	$(INSTALL) -D -m 644 dist/pyaudit-trace.8 $(DESTDIR)$(PREFIX)/share/man/man8/pyaudit-trace.8
	$(INSTALL) -d $(DESTDIR)$(SHARE) $(DESTDIR)$(UNITDIR) $(DESTDIR)$(SYSCONFDIR)/pyaudit-trace
	$(INSTALL) -m 644 $(SHARED:%=dist/%) $(DESTDIR)$(SHARE)/
	sed 's|/usr/sbin/|$(PREFIX)/sbin/|' dist/pyaudit-trace.service >$(DESTDIR)$(UNITDIR)/pyaudit-trace.service
	chmod 644 $(DESTDIR)$(UNITDIR)/pyaudit-trace.service
	$(INSTALL) -D -m 644 dist/pyaudit-trace.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/pyaudit-trace.conf
	$(INSTALL) -D -m 644 dist/completions/pyaudit-trace.bash $(DESTDIR)$(BASHDIR)/pyaudit-trace
	$(INSTALL) -D -m 644 dist/completions/_pyaudit-trace $(DESTDIR)$(ZSHDIR)/_pyaudit-trace
	$(INSTALL) -D -m 644 dist/completions/pyaudit-trace.fish $(DESTDIR)$(FISHDIR)/pyaudit-trace.fish
	[ -e $(DESTDIR)$(SYSCONFDIR)/pyaudit-trace/config.yaml ] || \
		$(INSTALL) -m 644 dist/config.yaml $(DESTDIR)$(SYSCONFDIR)/pyaudit-trace/config.yaml

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/sbin/pyaudit-trace $(DESTDIR)$(PREFIX)/share/man/man8/pyaudit-trace.8 \
		$(SHARED:%=$(DESTDIR)$(SHARE)/%) $(DESTDIR)$(UNITDIR)/pyaudit-trace.service \
		$(DESTDIR)$(PREFIX)/lib/tmpfiles.d/pyaudit-trace.conf $(DESTDIR)$(BASHDIR)/pyaudit-trace \
		$(DESTDIR)$(ZSHDIR)/_pyaudit-trace $(DESTDIR)$(FISHDIR)/pyaudit-trace.fish
	-rmdir $(DESTDIR)$(SHARE)

deb:
	$(Q)tests/install-deps deb
	$(Q)dist/make-deb $(VERSION) $(abspath $(B))/deb

format:
	$(CLANG_FORMAT) -i $(STYLED)

clean:
	rm -rf $(B)

help:
	@printf '%s\n' \
	'  all        build/pyaudit-trace (the default)' \
	'  demo       install what is missing, build, trace a small program' \
	'  check      install what is missing, build, run every test below up to e2e' \
	'  layers     does each file know only the stages before its own?' \
	'  style      is the code formatted as .clang-format says, and does pyflakes find nothing?' \
	'  docs       do README and man page name the options of --help?' \
	'  schema     does the output keep to dist/schema.json?' \
	'  events     is the event table complete, and its page up to date?' \
	'  unit       the unit tests; no root needed' \
	'  e2e        the tracer against real interpreters; as root' \
	'  asan       unit and e2e with address, leak and undefined behaviour sanitizers' \
	'  fuzz       each fuzzer, or those in FUZZERS, for FUZZ_SECONDS (60)' \
	'  bench      what tracing costs on this machine; as root' \
	'  matrix     the differential tests on many builds of CPython; as root' \
	'  soak       SOAK_SECONDS (600) of a busy machine; as root' \
	'  collector-test  events into an OpenTelemetry Collector, built from Debian packages; as root' \
	'  export-bench    a million events over OTLP, each once, and how fast; as root' \
	'  vmtest     the end-to-end tests on other kernels, in virtual machines' \
	'  service-test  the package'\''s systemd unit under a real systemd, in a virtual machine' \
	'  install    to DESTDIR, PREFIX (/usr/local); uninstall takes it away' \
	'  deb        a Debian package in build/deb, looked at by lintian' \
	'  format     run clang-format' \
	'  clean      remove build/' \
	'V=1 shows the commands; CC, CLANG, CFLAGS, LDFLAGS, BPFTOOL can be given.'

-include $(OBJ:.o=.d) $(B)/user/main.d $(B)/pyaudit.bpf.d $(B)/pyaudit_atomic.bpf.d $(UNIT:=.d) $(REPLAY:=.d) \
	$(FUZZ:=.d)
