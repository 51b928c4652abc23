/* SPDX-License-Identifier: BSD-2-Clause */
/* What every ECS document has, and the walk through its rows. */
#include "Events/ecs_doc.h"
#include "Events/event_fields.h"

#define Q(word) "\"" word "\""
#define TEXT(s)                                                                                    \
	{                                                                                          \
		s, sizeof(s) - 1                                                                   \
	}

static const struct {
	struct text begin, action, end;
} heads[EVENT_COUNT] = {
#define ECS(id, category, type, action, outcome)                                                   \
	[EVENT_##id] = {                                                                           \
		TEXT("\"event\":{\"kind\":\"event\",\"category\":[" category "],\"type\":[" type), \
		TEXT(action), TEXT("\",\"code\":\"" #id "\",\"outcome\":\"" outcome "\"")},
#include "Events/ecs.def"
#undef ECS
};

static void put(struct json *j, struct text t)
{
	json_bytes(j, t.s, t.n);
}

static void stamp(struct ecs_doc *d, __u64 boot_ns)
{
	struct json *j = d->j;

	json_lit(j, "{\"@timestamp\":");
	json_date(j, boot_ns + d->ctx->boot_to_real_ns);
	json_lit(j, ",\"ecs\":{\"version\":\"" ECS_VERSION "\"},");
	put(j, d->ctx->host);
}

static void event_end(struct ecs_doc *d, const char *reason)
{
	struct json *j = d->j;

	json_lit(j, ",\"module\":\"hostiso\",\"dataset\":\"hostiso.trace\",\"sequence\":");
	json_u64(j, d->ctx->seq++);
	if (reason) {
		key(j, "reason");
		json_string(j, reason, strlen(reason));
	}
	json_char(j, '}');
}

void ecs_begin(struct ecs_doc *d, int type, const char *action, const char *more_types,
	       const char *reason, __u64 boot_ns)
{
	struct json *j = d->j;

	stamp(d, boot_ns);
	put(j, heads[type].begin);
	if (more_types)
		json_bytes(j, more_types, strlen(more_types));
	json_lit(j, "],\"action\":\"");
	put(j, action ? (struct text){action, strlen(action)} : heads[type].action);
	put(j, heads[type].end);
	event_end(d, reason);
}

/* What no ECS field has room for: which strings were cut, and the bytes of those that are no text.
 */
void ecs_end(struct ecs_doc *d)
{
	struct json *j = d->j;
	int cut = 0, b64 = 0;

	for (int i = 0; i < d->odds; i++) {
		if (!d->odd[i].cut)
			continue;
		cut++ ? json_char(j, ',') : json_lit(j, ",\"truncated\":[");
		json_string(j, d->odd[i].name, strlen(d->odd[i].name));
	}
	if (cut)
		json_char(j, ']');
	for (int i = 0; i < d->odds; i++) {
		if (!d->odd[i].b64)
			continue;
		b64++ ? json_char(j, ',') : json_lit(j, ",\"b64\":{");
		json_string(j, d->odd[i].name, strlen(d->odd[i].name));
		json_char(j, ':');
		if (d->odd[i].list)
			string_array(j, d->odd[i].text, 1);
		else
			json_base64(j, d->odd[i].text.s, d->odd[i].text.n);
	}
	if (b64)
		json_char(j, '}');
	json_lit(j, "}}\n");
}

void ecs_walk(struct ecs_doc *d, const struct ecs_row *rows, size_t count, const void *from)
{
	for (const struct ecs_row *row = rows; row < rows + count; row++) {
		if (row->put) {
			row->put(d, row, from);
		} else if (d->j->p[-1] == '{') {
			d->j->p = d->mark[--d->depth];
		} else {
			d->depth--;
			json_char(d->j, '}');
		}
	}
}

/* The comma is the key's, but for an object's first. All of `key` is copied: its size is known. */
void ecs_key(struct ecs_doc *d, const struct ecs_row *row)
{
	struct json *j = d->j;

	if (j->p[-1] == '{')
		j->p--, memcpy(j->p, row->key, ECS_KEY_MAX), *j->p = '{';
	else
		memcpy(j->p, row->key, ECS_KEY_MAX);
	j->p += row->size;
}

void ecs_open(struct ecs_doc *d, const struct ecs_row *row, const void *from)
{
	d->open[d->depth] = row;
	d->mark[d->depth++] = d->j->p;
	ecs_key(d, row);
	json_char(d->j, '{');
}

/* The row's name with its objects' before it. */
static void full_name(const struct ecs_doc *d, const struct ecs_row *row, char *name, size_t size)
{
	size_t at = 0;

	for (int i = 0; i <= d->depth; i++) {
		const struct ecs_row *part = i < d->depth ? d->open[i] : row;
		const char *word = part->key + 2;
		size_t n = strcspn(word, "\"");

		if (at + n + 2 > size)
			break;
		if (i)
			name[at++] = '.';
		memcpy(name + at, word, n);
		at += n;
	}
	name[at] = 0;
}

static void remember(struct ecs_doc *d, const struct ecs_row *row, struct ecs_odd odd)
{
	if (d->odds == ECS_ODD || (!odd.cut && !odd.b64))
		return;
	full_name(d, row, odd.name, sizeof(odd.name));
	d->odd[d->odds++] = odd;
}

void ecs_text(struct ecs_doc *d, const struct ecs_row *row, struct text t, bool cut)
{
	bool bad;

	ecs_key(d, row);
	bad = json_string(d->j, t.s, t.n);
	remember(d, row, (struct ecs_odd){.text = t, .cut = cut, .b64 = bad});
}

void ecs_strings(struct ecs_doc *d, const struct ecs_row *row, const void *from)
{
	const struct event_part *part = (const void *)((const char *)from + row->at);
	struct text all = record_part(d->r, part);
	bool bad;

	ecs_key(d, row);
	bad = string_array(d->j, all, 0);
	remember(d, row,
		 (struct ecs_odd){.text = all,
				  .list = true,
				  .cut = part->flags & PART_TRUNCATED,
				  .b64 = bad});
}

void ecs_literal(struct ecs_doc *d, const struct ecs_row *row, const char *s)
{
	ecs_key(d, row);
	json_char(d->j, '"');
	json_bytes(d->j, s, strlen(s));
	json_char(d->j, '"');
}

void lost_ecs(struct json *j, const __u64 lost[EVENT_COUNT], __u64 now_boot_ns,
	      struct line_context *ctx)
{
	struct ecs_doc d;
	__u64 total;

	d.j = j;
	d.ctx = ctx;
	stamp(&d, now_boot_ns);
	json_lit(j, "\"event\":{\"kind\":\"pipeline_error\",\"type\":[\"error\"],"
		    "\"action\":\"trace_lost\",\"code\":\"TRACE_LOST\"");
	event_end(&d, "events found no room between the kernel and the reader");
	json_lit(j, ",\"hostiso\":{\"lost\":");
	total = lost_object(j, lost);
	number(j, "lost_total", total);
	if (ctx->unseen)
		number(j, "calls_unseen", ctx->unseen);
	number(j, "boot_ns", now_boot_ns);
	json_lit(j, "}}\n");
}
