// SPDX-License-Identifier: BSD-2-Clause
/* hostiso: finds the verb and hands over. */
#include <stdio.h>
#include <string.h>
#include <bpf/libbpf.h>
#include "HostIsolation/verbs.h"

static const struct verb {
	const char *word;
	int (*run)(int argc, char **argv);
	const char *text;
} verbs[] = {
#define VERB(word, function, text) {word, function, text},
#include "HostIsolation/verbs.def"
#undef VERB
};

#define VERB_COUNT (sizeof(verbs) / sizeof(*verbs))

int complain(const struct error *err, int code)
{
	fprintf(stderr, "hostiso: %s\n", err->text);
	return code;
}

int verb_parse(const struct argp *argp, int argc, char **argv, void *input, struct common *common)
{
	char word[128];

	if (!argp_parse(argp, argc, argv, 0, NULL, input))
		return 0;
	/* getopt has told a wrong option already, in one line */
	if (common->misused)
		fprintf(stderr, "%s: '%s' is left over; see: %s --help\n", argv[0],
			printable(common->misused, word, sizeof(word)), argv[0]);
	return EXIT_MISUSED;
}

static int usage(FILE *to, int code)
{
	fprintf(to,
		"Usage: hostiso VERB [OPTIONS]\nCuts a suspect host off the network, but for what you name.\n\n");
	for (size_t i = 0; i < VERB_COUNT; i++)
		fprintf(to, "  %-10s %s\n", verbs[i].word, verbs[i].text);
	fprintf(to, "\n'hostiso VERB --help' tells a verb's options.\n");
	return code;
}

int main(int argc, char **argv)
{
	const char *base = strrchr(argv[0] ? argv[0] : "", '/');
	char name[64], word[64];

	if (!strcmp(base ? base + 1 : argv[0] ? argv[0] : "", "EventsTrace"))
		return cmd_trace(argc, argv);
	argp_err_exit_status = EXIT_MISUSED;
	libbpf_set_print(NULL); /* what a kernel refuses is tried, and told in our own words */
	if (argc < 2)
		return usage(stderr, EXIT_MISUSED);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
		return usage(stdout, EXIT_DONE);
	for (size_t i = 0; i < VERB_COUNT; i++) {
		if (strcmp(argv[1], verbs[i].word))
			continue;
		snprintf(name, sizeof(name), "hostiso %s", verbs[i].word);
		argv[1] = name;
		return verbs[i].run(argc - 1, argv + 1);
	}
	fprintf(stderr, "hostiso: there is no verb '%s'; 'hostiso --help' lists them\n",
		printable(argv[1], word, sizeof(word)));
	return EXIT_MISUSED;
}
