// SPDX-License-Identifier: BSD-2-Clause
/* Bytes kept in nf_tables, cut into parts: each is the user data of one element of a set. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "HostIsolation/nftinstall.h"
#include "HostIsolation/nftread.h"

#define PART 240 /* user data is at most 256 bytes */
#define PART_TYPE 0x68

/* As nft(8) writes user data: type, length, value. */
struct part {
	__u8 type, size, bytes[PART];
};

static const struct nft_set blob_set = {
	.name = "state", .field_count = 1, .fields = {{NFT_TYPE_MARK, 4}}};

void nft_put_backend_blob(struct nft_batch *b, const void *blob, size_t size)
{
	struct nft_elements e = {.batch = b,
				 .family = NFPROTO_INET,
				 .table = NFT_TABLE,
				 .set = &blob_set,
				 .type = NFT_MSG_NEWSETELEM};

	if (!blob)
		return;
	nft_put_set(b, NFPROTO_INET, NFT_TABLE, &blob_set);
	for (__u32 i = 0; i * (size_t)PART < size; i++) {
		size_t left = size - i * (size_t)PART;
		struct part part = {.type = PART_TYPE, .size = (__u8)(left < PART ? left : PART)};

		memcpy(part.bytes, (const char *)blob + i * (size_t)PART, part.size);
		e.data = &part;
		e.data_size = part.size + 2u;
		nft_put_element(&e, &i, NULL, 0, 0);
	}
	nft_put_elements_end(&e);
}

struct reading {
	char *blob;
	size_t room, got, end; /* bytes got, and where the last one lies */
};

static int take_part(__u32 index, const void *data, size_t size, void *arg)
{
	struct reading *r = arg;
	const struct part *p = data;
	size_t at = index * (size_t)PART, end;

	if (size < 2 || p->type != PART_TYPE || p->size > PART || p->size + 2u > size ||
	    index > 1u << 24)
		return -EPROTO;
	end = at + p->size;
	if (end > r->room) {
		size_t room = end * 2;
		char *grown = realloc(r->blob, room);

		if (!grown)
			return -ENOMEM;
		r->blob = grown;
		r->room = room;
	}
	memcpy(r->blob + at, p->bytes, p->size);
	r->got += p->size;
	if (end > r->end)
		r->end = end;
	return 0;
}

static void forget(void *arg)
{
	struct reading *r = arg;

	r->got = r->end = 0;
}

int nft_backend_blob_read(void **blob, size_t *size, struct error *err)
{
	struct reading r = {};
	struct nft_data_reader reader = {.each = take_part, .restart = forget, .arg = &r};
	int ret = nft_read_data(NFPROTO_INET, blob_set.name, &reader, err);

	if (!ret && !r.end)
		ret = fail(err, -ENOENT, "nothing is kept in hostiso's nftables tables");
	if (!ret && r.got != r.end)
		ret = fail(err, -EPROTO,
			   "a part of what hostiso keeps in its nftables tables is missing; "
			   "'hostiso release' removes the rest");
	if (ret) {
		free(r.blob);
		return ret;
	}
	*blob = r.blob;
	*size = r.end;
	return 0;
}
