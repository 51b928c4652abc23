// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tables are replaced as a whole when the policy changes. Counters go on from where they stood, and
 * flows and neighbours that were learnt keep the time they had left. What packets add between the
 * reading and the transaction is lost: at worst a few counts, or one exchange over UDP that has to
 * begin again.
 */
#include <stdlib.h>
#include <string.h>
#include "HostIsolation/nftread.h"

struct counter nft_carry_counter(const struct nft_writer *w, const char *name)
{
	const struct nft_counter_vec *v = w->counters;

	for (size_t i = 0; v && i < v->count; i++)
		if (v->items[i].family == w->rules.family && !strcmp(v->items[i].name, name))
			return v->items[i].value;
	return (struct counter){};
}

void nft_carry_elements(struct nft_writer *w, const struct nft_set *set)
{
	struct nft_elements e = {.batch = w->rules.batch,
				 .family = w->rules.family,
				 .table = w->rules.table,
				 .set = set,
				 .type = NFT_MSG_NEWSETELEM};
	struct nft_element_vec old = {};

	if (!nft_read_elements(w->rules.family, set->name, &old, NULL))
		for (size_t i = 0; i < old.count; i++)
			if (old.items[i].size == nft_set_key_size(set) && old.items[i].left_ms)
				nft_put_element(&e, old.items[i].key, NULL, old.items[i].left_ms,
						0);
	nft_put_elements_end(&e);
	free(old.items);
}
