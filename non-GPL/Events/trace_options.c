/* SPDX-License-Identifier: BSD-2-Clause */
/* argp: long options may be cut short as long as they are unique, as EventsTrace's users do. */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "Events/event_json.h"
#include "Events/trace_options.h"

enum {
	KEY_EVENT = 0x1000, /* + enum event_type */
	KEY_PROBE = 0x2000,
	KEY_PROVIDER,
	KEY_RING,
	KEY_PID,
	KEY_UID,
	KEY_COMM,
	KEY_PATH,
	KEY_EXE,
	KEY_TREE,
	KEY_PCAP,
	KEY_BUILD_ID,
	KEY_PIN_DIR,
	KEY_FORMAT,
};

static const struct argp_option option_table[] = {
	{NULL, 0, NULL, 0, "Events (none named: all):", 1},
	{"all", 'a', NULL, 0, "every event but NETWORK_DROPPED", 1},
#define EVENT(id, option) {option, KEY_EVENT + EVENT_##id, NULL, 0, #id, 1},
#include "Events/events.def"
#undef EVENT
	{"pcap", KEY_PCAP, "FILE", 0,
	 "write the first 256 bytes of each dropped packet there, as pcapng (and --drops)", 1},
	{"process-memfd_create", KEY_EVENT + EVENT_PROCESS_MEMFD_CREATE, NULL, OPTION_HIDDEN, NULL,
	 1},
	{"process-load_module", KEY_EVENT + EVENT_PROCESS_LOAD_MODULE, NULL, OPTION_HIDDEN, NULL,
	 1},
	{NULL, 0, NULL, 0,
	 "Only from (repeat for alternatives; different kinds must all agree):", 2},
	{"pid", KEY_PID, "PID", 0, "this process", 2},
	{"tree", KEY_TREE, "PID", 0, "this process and all its descendants", 2},
	{"uid", KEY_UID, "UID", 0, "processes of this real user id", 2},
	{"comm", KEY_COMM, "NAME", 0, "tasks of this name", 2},
	{"exe", KEY_EXE, "FILE", 0, "processes that run this executable", 2},
	{"path", KEY_PATH, "PATH", 0,
	 "file events at or below this directory or file, by whatever name it is reached", 2},
	{NULL, 0, NULL, 0, "Output and start:", 3},
	{"format", KEY_FORMAT, "NAME", 0,
	 "eventstrace (the default), or ecs: Elastic Common Schema " ECS_VERSION, 3},
	{"print-features-on-init", 'i', NULL, 0, "first line: what is in use", 3},
	{"stats", 's', NULL, 0, "counts, once a second, to standard error", 3},
	{"unbuffer-stdout", 'u', NULL, 0, "write each event at once", 3},
	{"libbpf-verbose", 'v', NULL, 0, "libbpf's and the verifier's words to standard error", 3},
	{"ring-size", KEY_RING, "MIB", 0, "buffer between kernel and reader (32)", 3},
	{"provider", KEY_PROVIDER, "LIST", 0,
	 "kinds of hook to try, in this order (fentry,kprobe,tracepoint)", 3},
	{"build-id", KEY_BUILD_ID, NULL, 0, "PROCESS_EXEC tells the GNU build id of the program",
	 3},
	{"pin-dir", KEY_PIN_DIR, "DIR", 0, "the isolation's, for verdicts and --drops", 3},
	{"probe", KEY_PROBE, NULL, 0, "print what this kernel gives by which way, and end", 3},
	{0},
};

static void add(struct filter_list *list, char *value, struct argp_state *state)
{
	char **more = reallocarray(list->items, list->count + 1, sizeof(*more));

	if (!more)
		argp_failure(state, 1, ENOMEM, "out of memory");
	list->items = more;
	list->items[list->count++] = value;
}

static void add_number(struct filter_list *list, char *value, struct argp_state *state,
		       const char *what)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(value, &end, 10);
	if (errno || *end || end == value || value[0] == '-' || n > 0xffffffffUL)
		argp_error(state, "'%s' is no %s", value, what);
	add(list, value, state);
}

static void set_ring(struct trace_options *o, const char *value, struct argp_state *state)
{
	unsigned long n;
	char *end;

	n = strtoul(value, &end, 10);
	if (*end || end == value || n < 1 || n > 1024 || n & (n - 1))
		argp_error(state, "--ring-size %s: a power of two from 1 to 1024 is needed", value);
	o->ring_bytes = n << 20;
}

static void set_kinds(struct trace_options *o, const char *list, struct argp_state *state)
{
	size_t at = 0, n;

	for (const char *p = list; *p; p += n + (p[n] == ',')) {
		int k;

		n = strcspn(p, ",");
		for (k = 0; k < KIND_COUNT; k++) {
			if (strlen(kind_names[k]) == n && !strncmp(kind_names[k], p, n))
				break;
		}
		if (k == KIND_COUNT || at == KIND_COUNT)
			argp_error(state, "--provider %s: a list of fentry, kprobe, tracepoint",
				   list);
		o->kinds[at++] = k;
	}
	if (!at)
		argp_error(state, "--provider: an empty list");
	o->kinds[at] = KIND_NONE;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct trace_options *o = state->input;

	if (key >= KEY_EVENT && key < KEY_EVENT + EVENT_COUNT) {
		o->events |= 1u << (key - KEY_EVENT);
		return 0;
	}
	switch (key) {
	case 'a':
		o->events |= EVENTS_DEFAULT;
		break;
	case 'i':
		o->features_on_init = true;
		break;
	case 's':
		o->stats = true;
		break;
	case 'u':
		o->unbuffer = true;
		break;
	case 'v':
		o->verbose = true;
		break;
	case KEY_PROBE:
		o->probe = true;
		break;
	case KEY_PCAP:
		if (!*arg)
			argp_error(state, "--pcap: no file name");
		o->pcap = arg;
		o->events |= 1u << EVENT_NETWORK_DROPPED;
		break;
	case KEY_BUILD_ID:
		o->build_id = true;
		break;
	case KEY_PIN_DIR:
		o->pin_dir = arg;
		break;
	case KEY_FORMAT:
		o->format = line_format_find(arg);
		if (!o->format)
			argp_error(state, "--format %s: there are " LINE_FORMATS, arg);
		break;
	case KEY_PROVIDER:
		set_kinds(o, arg, state);
		break;
	case KEY_RING:
		set_ring(o, arg, state);
		break;
	case KEY_PID:
		add_number(&o->pid, arg, state, "process id");
		break;
	case KEY_TREE:
		add_number(&o->tree, arg, state, "process id");
		break;
	case KEY_UID:
		add_number(&o->uid, arg, state, "user id");
		break;
	case KEY_COMM:
		add(&o->comm, arg, state);
		break;
	case KEY_EXE:
		add(&o->exe, arg, state);
		break;
	case KEY_PATH:
		add(&o->path, arg, state);
		break;
	case ARGP_KEY_END:
		if (o->features_on_init && o->format != line_formats)
			argp_error(state,
				   "-i writes EventsTrace's first line, which is no document "
				   "of --format %s: see --probe",
				   o->format->name);
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected word '%s'", arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

void trace_options_parse(struct trace_options *o, int argc, char **argv)
{
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.doc = "Prints what happens on this host, one JSON object a line, in the format of "
		       "elastic/ebpf's EventsTrace. Needs root.",
	};

	memset(o, 0, sizeof(*o));
	o->format = line_formats;
	o->ring_bytes = 32 << 20;
	o->kinds[0] = KIND_FENTRY;
	o->kinds[1] = KIND_KPROBE;
	o->kinds[2] = KIND_TP;
	o->kinds[3] = KIND_NONE;
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, o);
	if (!o->events)
		o->events = EVENTS_DEFAULT;
}

void trace_options_free(struct trace_options *o)
{
	free(o->pid.items);
	free(o->uid.items);
	free(o->comm.items);
	free(o->path.items);
	free(o->exe.items);
	free(o->tree.items);
}
