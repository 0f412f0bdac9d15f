# SPDX-License-Identifier: GPL-2.0-only
#
#   make          build/pyaudit-trace
#   make V=1      show the commands

B := build
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' '$(1)' '$(2)')

VERSION := 0.1.0
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Werror -Wno-unused-parameter -Wshadow -Wstrict-prototypes -Wmissing-prototypes
ALL_CFLAGS := -std=gnu11 $(WARN) -D_GNU_SOURCE -DPYAUDIT_VERSION='"$(VERSION)"' -Iuser -Iinclude -I$(B) $(CFLAGS)
LIBS := -lbpf -lelf -lz -lZydis

SRC := $(filter-out user/main.c,$(wildcard user/*.c user/*/*.c))
OBJ := $(SRC:%.c=$(B)/%.o)
UNIT := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))

.DELETE_ON_ERROR:
.PHONY: all unit clean
all: $(B)/pyaudit-trace

$(B)/pyaudit-trace: $(B)/user/main.o $(B)/libpyaudit.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(LDFLAGS) $(LIBS)

$(B)/libpyaudit.a: $(OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

BPF_CFLAGS := -O2 -g -target bpf -mcpu=v2 -D__TARGET_ARCH_x86 -Wall -Wextra -Werror \
	-Wno-unused-parameter -Wno-unused-function -Iinclude -Ivmlinux/x86_64 -I.

$(B)/pyaudit.bpf.o: bpf/pyaudit.bpf.c $(wildcard bpf/*.h include/*.h vmlinux/*/*.h)
	$(call say,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c -o $@ $<

$(B)/pyaudit.skel.h: $(B)/pyaudit.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name pyaudit >$@

$(filter $(B)/user/kernel/%,$(OBJ)): | $(B)/pyaudit.skel.h

unit: $(UNIT)
	$(Q)for t in $(UNIT); do echo "== $$t"; $$t || exit 1; done

$(B)/unit/%: tests/unit/%.c $(B)/libpyaudit.a
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -I. -MMD -MP -o $@ $< $(B)/libpyaudit.a $(LDFLAGS) -lcmocka -ljansson $(LIBS)

clean:
	rm -rf $(B)

-include $(OBJ:.o=.d) $(B)/user/main.d
