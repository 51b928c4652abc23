# SPDX-License-Identifier: BSD-2-Clause
#
# Files are found, not listed: a new .c, .bpf.c or test is built by being there.

PREFIX ?= /usr/local
DESTDIR ?=
V ?= 0
ARCH ?= $(shell uname -m | sed -e 's/aarch64/arm64/')
HOSTARCH := $(shell uname -m | sed -e 's/aarch64/arm64/')
Q := $(if $(filter 1,$(V)),,@)
say = @$(if $(filter 1,$(V)),:,printf '  %-8s %s\n' '$(1)' '$(2)')

B := $(if $(filter $(HOSTARCH),$(ARCH)),build,build-$(ARCH))
CLANG ?= clang
BPFTOOL ?= $(firstword $(shell command -v bpftool) /usr/sbin/bpftool)
SYSROOT :=
ifneq ($(ARCH),$(HOSTARCH))
CC := $(if $(filter arm64,$(ARCH)),aarch64-linux-gnu-gcc,$(error no cross compiler known for ARCH=$(ARCH)))
SYSROOT = $(eval SYSROOT := $$(shell tools/sysroot $(ARCH)))$(SYSROOT)
CROSSFLAGS = -isystem $(SYSROOT)/usr/include -isystem $(SYSROOT)/usr/include/aarch64-linux-gnu
CROSSLIBS = -L$(SYSROOT)/usr/lib/aarch64-linux-gnu -Wl,-rpath-link,$(SYSROOT)/usr/lib/aarch64-linux-gnu
endif
BPF_ARCH := $(if $(filter arm64,$(ARCH)),arm64,x86)
MULTIARCH := $(if $(filter arm64,$(ARCH)),aarch64-linux-gnu,$(ARCH)-linux-gnu)

WARN := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wshadow -Wno-unused-parameter
CFLAGS ?= -O2 -g
ALL_CFLAGS := -std=gnu11 -D_GNU_SOURCE $(WARN) -IGPL -Inon-GPL -I$(B) -MMD -MP $(CFLAGS)
BPF_CFLAGS = -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -O2 -g -mcpu=v3 -std=gnu11 -Wall -Wextra -Werror \
	-Wno-unused-parameter -Wno-missing-declarations -IGPL -isystem $(SYSROOT)/usr/include/$(MULTIARCH) -MMD -MP
LDLIBS := -pthread -lbpf -lelf -lz -lmnl -lnftnl -ljson-c

BPF_SRCS := $(wildcard GPL/*/*.bpf.c)
# The tracer's object is built thrice: for kernels with bpf_rdonly_cast(), for those with bpf_loop() only, and
# for those where the verifier unrolls loops.
EVENTS := events_cast events events_old
SKELS := $(patsubst %.bpf.c,$(B)/%.skel.h,$(notdir $(filter-out GPL/Events/%,$(BPF_SRCS)))) $(EVENTS:%=$(B)/%.skel.h)
SRCS := $(filter-out $(EXCLUDE),$(wildcard non-GPL/*/*.c))
OBJS := $(SRCS:%.c=$(B)/%.o)
LIB_OBJS := $(filter-out %/main.o,$(OBJS))
TEST_SRCS := $(filter-out $(EXCLUDE),$(wildcard tests/unit/*.c tests/packet/*.c))
TESTS := $(TEST_SRCS:%.c=$(B)/%)
TEST_LIB_SRCS := $(wildcard tests/lib/*.c)
HELPER_SRCS := $(wildcard tools/lab/*.c tests/helpers/*.c)
HELPERS := $(HELPER_SRCS:%.c=$(B)/%)
BENCH_SRCS := $(wildcard tools/bench/*.c)
BENCH_SRCS := $(filter-out %.bpf.c,$(BENCH_SRCS))
BENCH := $(BENCH_SRCS:%.c=$(B)/%)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all check demo deps vm-check lint fuzz golden bench bench-quick install uninstall clean help test-programs
vpath %.bpf.c $(sort $(dir $(BPF_SRCS)))

all: $(B)/hostiso ## build build/hostiso

$(B)/hostiso: $(OBJS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(CROSSLIBS) -o $@ $^ $(LDLIBS)

# Constants without names alone (initializers, the compiler's tables) make a section that says it has no
# variables; 5.10 refuses all type information for it, and takes no function for global: each is followed anew
# wherever it is called.
named = $(Q)! $(BPFTOOL) btf dump file $@ | grep "DATASEC '.rodata.* vlen=0$$" || \
	{ echo "$<: a constant without a name"; exit 1; }

$(B)/%.bpf.o: %.bpf.c Makefile
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MF $(@:.o=.d) -c $< -o $@
	$(named)

$(B)/events_cast.bpf.o: BPF_DEFINES := -DCAST_KERNEL
$(B)/events_old.bpf.o: BPF_DEFINES := -DOLD_KERNEL
$(EVENTS:%=$(B)/%.bpf.o): GPL/Events/events.bpf.c Makefile
	$(call say,BPF,$< ($(@F)))
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) $(BPF_DEFINES) -MF $(@:.o=.d) -MT $@ -c $< -o $@.full
	$(Q)$(BPFTOOL) gen object $@ $@.full && rm $@.full
	$(named)

$(EVENTS:%=$(B)/%.skel.h): $(B)/%.skel.h: $(B)/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

$(B)/%.skel.h: $(B)/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< > $@

$(B)/%.o: %.c Makefile | $(SKELS)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(CROSSFLAGS) -c $< -o $@

$(B)/libhostiso.a: $(LIB_OBJS)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/libtest.a: $(TEST_LIB_SRCS:%.c=$(B)/%.o)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/tests/%: $(B)/tests/%.o $(B)/libtest.a $(B)/libhostiso.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(CROSSLIBS) -o $@ $^ $(LDLIBS) -lcmocka

$(BENCH_SRCS:%.c=$(B)/%.o): $(B)/tools/bench/baseline.skel.h

$(B)/tools/bench/%: $(B)/tools/bench/%.o $(B)/libtest.a $(B)/libhostiso.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(CROSSLIBS) -o $@ $^ $(LDLIBS) -lcmocka

$(B)/tools/lab/%: $(B)/tools/lab/%.o
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(CROSSLIBS) -o $@ $^ -lpthread

.SECONDARY: $(SKELS) $(SKELS:.skel.h=.bpf.o) $(TEST_SRCS:%.c=$(B)/%.o) $(HELPER_SRCS:%.c=$(B)/%.o) \
	$(BENCH_SRCS:%.c=$(B)/%.o) $(B)/tools/bench/baseline.skel.h $(B)/tools/bench/baseline.bpf.o

test-programs: all $(TESTS) $(HELPERS) $(BENCH)

deps: ## install what building and testing needs (Debian packages)
	$(Q)tools/deps

demo: ## the main job, shown in a lab of network namespaces (root)
	$(Q)tools/deps --quiet
	$(Q)$(MAKE) --no-print-directory all $(HELPERS)
	$(Q)tools/demo

check: ## all tests, on this kernel and on those of vm/ (root)
	$(Q)tools/deps --quiet
	$(Q)$(MAKE) --no-print-directory test-programs
	$(Q)tests/check

bench: ## measures, and writes BENCHMARKS.md: under 10 minutes (root)
	$(Q)tools/deps --quiet --bench
	$(Q)$(MAKE) --no-print-directory test-programs
	$(Q)tools/bench/run

bench-quick: ## the same with fewer rounds: under a minute; the report goes to build/benchmarks
	$(Q)tools/deps --quiet --bench
	$(Q)$(MAKE) --no-print-directory test-programs
	$(Q)tools/bench/run --quick --out build/benchmarks/BENCHMARKS.md

golden: $(B)/tests/unit/test_trace_golden ## write the expected lines of tests/golden anew
	$(Q)$< --write

vm-check: test-programs ## the whole suite on every kernel of vm/kernels
	$(Q)vm/check --all

lint: ## formatting, shell, licences, house rules
	$(Q)tools/lint

FUZZ_SECONDS ?= 60
FUZZ_CFLAGS := -O1 -g -fsanitize=address,fuzzer-no-link

fuzz: ## FUZZ_SECONDS (60) of libFuzzer on each target of tests/fuzz
	$(Q)$(MAKE) --no-print-directory B=build-fuzz CC=clang CFLAGS="$(FUZZ_CFLAGS)" build-fuzz/libhostiso.a
	$(Q)set -e; for target in tests/fuzz/fuzz_*.c; do \
		name=$$(basename $$target .c); corpus=tests/fuzz/corpus/$${name#fuzz_}; \
		$(CLANG) -std=gnu11 -D_GNU_SOURCE -IGPL -Inon-GPL -Ibuild-fuzz -O1 -g -fsanitize=address,fuzzer \
			-o build-fuzz/$$name $$target build-fuzz/libhostiso.a $(LDLIBS); \
		mkdir -p build-fuzz/corpus/$$name; [ -d $$corpus ] || corpus=; \
		build-fuzz/$$name -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 build-fuzz/corpus/$$name $$corpus; \
	done

install: all ## install below DESTDIR/PREFIX
	install -D -m 0755 $(B)/hostiso $(DESTDIR)$(PREFIX)/sbin/hostiso
	ln -sf hostiso $(DESTDIR)$(PREFIX)/sbin/EventsTrace
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's,@sbindir@,$(PREFIX)/sbin,' tools/hostiso-watch.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/hostiso-watch.service

uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(PREFIX)/sbin/hostiso $(DESTDIR)$(PREFIX)/sbin/EventsTrace \
		$(DESTDIR)$(PREFIX)/lib/systemd/system/hostiso-watch.service

clean: ## remove what was built
	rm -rf build build-arm64 build-clang build-fuzz

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

-include $(wildcard $(B)/*.d) $(OBJS:.o=.d) $(TEST_SRCS:%.c=$(B)/%.d) $(TEST_LIB_SRCS:%.c=$(B)/%.d) $(HELPER_SRCS:%.c=$(B)/%.d)
-include $(BENCH_SRCS:%.c=$(B)/%.d) $(B)/tools/bench/baseline.bpf.d
