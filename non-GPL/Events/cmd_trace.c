/* SPDX-License-Identifier: BSD-2-Clause */
/* hostiso trace, also installed as EventsTrace: what happens on this host, as lines of JSON. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "Events/build_id.h"
#include "Events/cmd_trace.h"
#include "Events/drops.h"
#include "Events/host.h"
#include "Events/privileges.h"
#include "Events/select.h"
#include "Events/stream.h"
#include "Events/trace_filters.h"
#include "Events/trace_options.h"
#include "HostIsolation/cleanup.h"
#include "Events/skeleton.h"

static volatile sig_atomic_t stop;
static bool verbose;

static void on_signal(int sig)
{
	stop = sig;
}

static int libbpf_words(enum libbpf_print_level level, const char *format, va_list args)
{
	return verbose ? vfprintf(stderr, format, args) : 0;
}

static void say(const char *text)
{
	fputs(text, stderr);
}

static int complain(const struct error *err, int ret)
{
	fprintf(stderr, "hostiso trace: %s\n", err->text[0] ? err->text : strerror(-ret));
	return 1;
}

static const char *outcome(const struct feature_state *s, int kind, char *buf, size_t size)
{
	int e = s->error[kind];

	if (e == KIND_NO_HOOK)
		return "-";
	if (e == KIND_UNTRIED)
		return "off";
	if (e)
		snprintf(buf, size, "%s", strerrorname_np(-e));
	else
		snprintf(buf, size, "%s", s->chosen == (enum kind)kind ? "works" : "fallback");
	return buf;
}

/* event × provider: works (in use), fallback (would work), the errno that refused it, - (none). */
static int print_probe(const struct feature_state states[], __u32 events)
{
	char cell[KIND_COUNT][32];

	printf("%-32s %-12s", "EVENT", "BY");
	for (int k = 0; k < KIND_COUNT; k++)
		printf(" %-12s", kind_names[k]);
	printf("\n");
	for (int e = 0; e < EVENT_COUNT; e++) {
		for (int f = 0; f < FEATURE_COUNT; f++) {
			if (!(feature_events[f] & events & 1u << e))
				continue;
			printf("%-32s %-12s", event_names[e], feature_names[f]);
			for (int k = 0; k < KIND_COUNT; k++)
				printf(" %-12s", outcome(&states[f], k, cell[k], sizeof(cell[k])));
			printf("\n");
		}
	}
	return fflush(stdout) ? 1 : 0;
}

/* EventsTrace's line, and which kind of hook gives each event. */
static void features_line(struct json *j, const struct feature_state states[], __u32 got,
			  bool trampolines)
{
	bool ipv6 = !access("/proc/sys/net/ipv6", F_OK), any = false;
	const char *kind;

	json_lit(j, "{\"probes_initialized\": true, \"features\": {\"bpf_tramp\": ");
	trampolines ? json_lit(j, "true") : json_lit(j, "false");
	json_lit(j, ",\"ipv6\": ");
	ipv6 ? json_lit(j, "true") : json_lit(j, "false");
	json_lit(j, "}, \"providers\": {");
	for (int f = 0; f < FEATURE_COUNT; f++) {
		if (!(feature_events[f] & got) || states[f].chosen == KIND_NONE)
			continue;
		kind = kind_names[states[f].chosen];
		if (any)
			json_char(j, ',');
		any = true;
		json_string(j, feature_names[f], strlen(feature_names[f]));
		json_char(j, ':');
		json_string(j, kind, strlen(kind));
	}
	json_lit(j, "}}\n");
}

static void print_stats(const struct stream_counts *c)
{
	__u64 received = 0, lost = 0;

	for (int i = 0; i < EVENT_COUNT; i++) {
		received += c->received[i];
		lost += c->lost[i];
	}
	fprintf(stderr, "sent %llu lost %llu damaged %llu", received, lost, c->damaged);
	for (int i = 0; i < EVENT_COUNT; i++) {
		if (c->received[i] || c->lost[i])
			fprintf(stderr, " %s=%llu/%llu", event_names[i], c->received[i],
				c->lost[i]);
	}
	if (c->unseen)
		fprintf(stderr, " unseen-calls=%llu", c->unseen);
	fprintf(stderr, "\n");
}

/* What will not be told, though it was asked for. */
static void say_missing(const struct feature_state states[], __u32 events)
{
	const __u32 files = 1u << EVENT_FILE_CREATE | 1u << EVENT_FILE_DELETE |
			    1u << EVENT_FILE_RENAME | 1u << EVENT_FILE_MODIFY;
	bool by_calls = false;

	for (int f = 0; f < FEATURE_COUNT; f++) {
		const struct feature_state *s = &states[f];
		char cell[KIND_COUNT][32];

		if (!(feature_events[f] & events))
			continue;
		by_calls |= feature_events[f] & files && s->chosen == KIND_TP;
		if (s->chosen != KIND_NONE)
			continue;
		fprintf(stderr, "hostiso trace: not seen on this kernel: %s (%s:", feature_words[f],
			feature_names[f]);
		for (int k = 0; k < KIND_COUNT; k++)
			fprintf(stderr, " %s %s", kind_names[k],
				outcome(s, k, cell[k], sizeof(cell[k])));
		fprintf(stderr, ")\n");
	}
	if (by_calls)
		say("hostiso trace: file events come from system calls here, so what is done "
		    "through io_uring or by 32-bit programs is not among them\n");
}

static void catch_signals(void)
{
	struct sigaction act = {.sa_handler = on_signal};

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	act.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &act, NULL);
}

struct tracer {
	struct trace_options options;
	struct provider *provider;
	struct events_bpf *skel;
	struct feature_state states[FEATURE_COUNT];
	__u32 got;
	bool trampolines, listening;
	struct drops drops;
	struct pcapng pcap;
	int pcap_fd;
};

static void tracer_free(struct tracer *t)
{
	provider_free(t->provider);
	events_bpf__destroy(t->skel);
	trace_options_free(&t->options);
}

static int tracer_load(struct tracer *t, enum events_build build, struct error *err)
{
	struct trace_options *o = &t->options;
	int ret;

	t->skel = events_open(build);
	if (!t->skel)
		return fail(err, -errno, "cannot read the built-in programs: %s", strerror(errno));
	select_prepare(t->skel, t->provider, o->events, o->kinds, o->tree.count);
	t->skel->rodata->self_tgid = getpid();
	t->skel->rodata->wake_at = o->ring_bytes / 8;
	bpf_map__set_max_entries(t->skel->maps.ring, o->ring_bytes);
	t->skel->rodata->filters = trace_filters_mask(o);
	ret = provider_load(t->provider, t->skel->skeleton, err);
	if (ret)
		return ret;
	ret = trace_filters_set(t->skel, o, err);
	if (ret)
		return ret;
	ret = trace_tree_begin(t->skel, t->provider, o, err);
	if (ret)
		return ret;
	t->trampolines = provider_trampolines(t->provider);
	ret = select_attach(t->skel, t->provider, o->events, o->kinds, o->probe, t->states,
			    &t->got);
	if (ret && !o->probe && !(o->events & 1u << EVENT_NETWORK_DROPPED))
		return fail(err, ret,
			    "this kernel took no hook for any of these events (last: %s); "
			    "--probe shows each, -v why",
			    strerror(-ret));
	return 0;
}

static int tracer_open(struct tracer *t, struct error *err)
{
	struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	struct trace_options *o = &t->options;
	enum events_build build;
	int ret;

	ret = trace_paths_resolve(&o->path, err);
	if (ret)
		return ret;
	/* Only kernels before 5.11 count maps against it; where it fails, loading will tell. */
	setrlimit(RLIMIT_MEMLOCK, &all);
	ret = provider_new(&t->provider, err);
	if (ret)
		return ret;
	provider_listen(t->provider, o->verbose ? say : NULL);
	build = events_best(provider_btf(t->provider));
	ret = tracer_load(t, build, err);
	if (build != EVENTS_CAST || !provider_rejected(t->provider))
		return ret;

	/* What casts asks more of a verifier than what does not. */
	events_bpf__destroy(t->skel);
	t->skel = NULL;
	provider_free(t->provider);
	t->provider = NULL;
	ret = provider_new(&t->provider, err);
	if (ret)
		return ret;
	provider_listen(t->provider, o->verbose ? say : NULL);
	return tracer_load(t, EVENTS_LOOP, err);
}

static int output_failed(const struct output *out)
{
	if (out->error == -EPIPE)
		fprintf(stderr, "hostiso trace: whoever read standard output has gone\n");
	else
		fprintf(stderr, "hostiso trace: cannot write to standard output: %s\n",
			strerror(-out->error));
	return 1;
}

static __u64 ask_missed(__u64 missed[EVENT_COUNT], void *tracer)
{
	struct tracer *t = tracer;

	__u64 unseen = select_missed(t->provider, missed);

	if (t->listening)
		missed[EVENT_NETWORK_DROPPED] += drops_lost(&t->drops);
	return unseen;
}

static int tick(void *tracer)
{
	struct tracer *t = tracer;

	return t->listening ? drops_tick(&t->drops) : 0;
}

/* The filter's side of it: drops, and verdicts on what connects. */
static int listen_to_filter(struct tracer *t, struct stream *s, struct error *err)
{
	bool records = t->options.events & 1u << EVENT_NETWORK_DROPPED;
	int ret;

	if (!records && !(t->options.events & EVENTS_NETWORK))
		return 0;
	if (t->options.pcap) {
		t->pcap_fd = open(t->options.pcap, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (t->pcap_fd < 0)
			return fail(err, -errno, "--pcap %s: %s", t->options.pcap, strerror(errno));
		pcapng_begin(&t->pcap, t->pcap_fd);
		if (pcapng_flush(&t->pcap))
			return fail(err, t->pcap.error, "--pcap %s: %s", t->options.pcap,
				    strerror(-t->pcap.error));
	}
	t->listening = true;
	ret = drops_begin(&t->drops, t->options.pin_dir, records, t->options.pcap ? &t->pcap : NULL,
			  bpf_map__fd(t->skel->maps.senders), s, err);
	if (ret)
		return ret;
	if (records && !t->drops.open)
		say("hostiso trace: this host is not isolated: nothing drops yet\n");
	s->line.verdict = drops_verdict;
	s->line.verdict_arg = &t->drops;
	return 0;
}

static void stop_listening(struct tracer *t, struct output *out)
{
	if (!t->listening)
		return;
	drops_end(&t->drops);
	output_flush(out);
	close_fdp(&t->pcap_fd);
}

static int complain_of_pcap(const struct tracer *t)
{
	fprintf(stderr, "hostiso trace: cannot write to %s: %s\n", t->options.pcap,
		strerror(-t->pcap.error));
	return 1;
}

static int run(struct tracer *t)
{
	const char *sources[HOOK_COUNT] = {NULL};
	struct output out;
	struct stream s = {
		.shared = &t->skel->bss->stream,
		.out = &out,
		.unbuffered = t->options.unbuffer,
		.format = t->options.format,
		.stop = &stop,
		.each_second = t->options.stats ? print_stats : NULL,
		.line = {.sources = sources},
		.ask_missed = ask_missed,
		.ask_arg = t,
		.tick = tick,
		.tick_arg = t,
		.keep = t->options.path.count ? trace_path_keep : NULL,
		.keep_arg = &t->options.path,
	};
	struct error err = {""};
	static char host[HOST_ROOM];
	unsigned int keep;
	int ret;

	for (int h = 1; h < HOOK_COUNT; h++)
		sources[h] = hook_source(t->provider, h);
	if (output_init(&out, STDOUT_FILENO))
		return complain(&(struct error){"out of memory"}, 0);
	if (t->options.features_on_init) {
		features_line(&out.json, t->states, t->got, t->trampolines);
		output_flush(&out);
	}
	s.line.build_id = t->options.build_id ? build_id_of : NULL;
	host_init(&s.line, host, sizeof(host));
	trace_lookups_init(&s.line, t->states);
	ret = stream_open(&s, bpf_map__fd(t->skel->maps.ring));
	if (!ret)
		ret = listen_to_filter(t, &s, &err);
	setpriority(PRIO_PROCESS, 0, -10); /* who falls behind loses events */
	keep = (s.line.file_info || t->options.build_id ? KEEP_LOOK_UP : 0) |
	       (t->listening ? KEEP_FILTER : 0);
	privileges_drop(keep);
	if (!ret)
		ret = out.error ? out.error : stream_run(&s);
	stop_listening(t, &out);
	stream_close(&s);
	if (t->options.stats)
		print_stats(&s.counts);
	if (out.error)
		ret = output_failed(&out);
	else if (t->pcap.error)
		ret = complain_of_pcap(t);
	else if (ret)
		ret = complain(&err, ret);
	output_free(&out);
	return ret;
}

int cmd_trace(int argc, char **argv)
{
	static struct tracer t = {.pcap_fd = -1};
	struct error err = {""};
	int ret;

	trace_options_parse(&t.options, argc, argv);
	verbose = t.options.verbose;
	libbpf_set_print(libbpf_words);
	catch_signals();
	if (geteuid()) {
		trace_options_free(&t.options);
		fprintf(stderr, "hostiso trace: needs root: run it with sudo\n");
		return 1;
	}
	ret = tracer_open(&t, &err);
	if (ret) {
		ret = complain(&err, ret);
	} else if (t.options.probe) {
		ret = print_probe(t.states, t.options.events);
	} else {
		say_missing(t.states, t.options.events);
		ret = run(&t);
	}
	tracer_free(&t);
	return ret;
}
