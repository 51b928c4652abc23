/* SPDX-License-Identifier: BSD-2-Clause */
/* What the packet filter's ring says, as JSON and pcapng, and what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "Events/build_id.h"
#include "Events/drop_json.h"
#include "Events/pcapng.h"

static struct drop_packet sample(void)
{
	struct drop_packet p = {
		.record = {.ts_boot_ns = 5,
			   .packets = 3,
			   .bytes = 222,
			   .flags = DROP_NEWS | DROP_PACKET | DROP_ETHERNET,
			   .frame_len = 74,
			   .captured = 5,
			   .key = {.peer = {192, 0, 2, 1},
				   .local = {10, 0, 0, 1},
				   .peer_port = htons(443),
				   .local_port = htons(40000),
				   .proto = IPPROTO_TCP,
				   .family = AF_INET,
				   .dir = DIR_OUT,
				   .reason = REASON_NOT_ALLOWED}},
		.data = "bytes",
	};

	return p;
}

static void refuses_what_is_no_record(void **state)
{
	struct drop_packet p = sample();

	assert_int_equal(drop_check(&p, sizeof(p)), 0);
	assert_int_equal(drop_check(&p, sizeof(p) - 1), -EBADMSG);
	assert_int_equal(drop_check(&p, sizeof(p.record) - 1), -EBADMSG);
	p.record.captured = DROP_BYTES + 1;
	p.record.frame_len = 9000;
	assert_int_equal(drop_check(&p, sizeof(p)), -EBADMSG);
	p = sample();
	p.record.frame_len = 4;
	assert_int_equal(drop_check(&p, sizeof(p)), -EBADMSG);
	p = sample();
	p.record.key.reason = REASON_COUNT;
	assert_int_equal(drop_check(&p, sizeof(p)), -EBADMSG);
	p = sample();
	p.record.key.dir = DIR_COUNT;
	assert_int_equal(drop_check(&p, sizeof(p)), -EBADMSG);
	p.record.flags = DROP_NEWS;
	p.record.key.dir = DIR_IN;
	assert_int_equal(drop_check(&p, sizeof(p.record)), 0);
}

static void is_one_line(void **state)
{
	char *buf = calloc(1, JSON_LINE_ROOM);
	struct json j = {buf, buf + JSON_LINE_ROOM, buf};
	struct drop_sender who = {.pid = 7, .uid = 1, .comm = "a\"b", .exe = "/x"};
	struct line_context ctx = {.seq = 4};
	struct drop_packet p = sample();

	drop_json(&j, &p.record, &who, "eth0", &ctx);
	*j.p = 0;
	assert_string_equal(
		buf,
		"{\"event_type\":\"NETWORK_DROPPED\",\"direction\":\"out\",\"peer\":\"192.0.2.1\",\"peer_port\":443,"
		"\"local\":\"10.0.0.1\",\"local_port\":40000,\"protocol\":\"tcp\",\"reason\":\"not-allowed\","
		"\"verdict\":\"dropped\",\"count\":3,\"bytes\":222,\"interface\":\"eth0\",\"pid\":7,\"uid\":1,"
		"\"comm\":\"a\\\"b\",\"exe\":\"/x\",\"ts\":\"1970-01-01T00:00:00.000000005Z\",\"ts_boot_ns\":5,"
		"\"seq\":4,\"source\":\"filter\"}\n");

	p.record.key.family = 0;
	p.record.key.ethertype = htons(0x88cc);
	p.record.flags |= DROP_AUDIT;
	who.pid = 0;
	j.p = buf;
	drop_json(&j, &p.record, &who, "eth0", &ctx);
	*j.p = 0;
	assert_non_null(strstr(buf, "\"ethertype\":35020,\"reason\""));
	assert_non_null(strstr(buf, "\"verdict\":\"would-drop\""));
	assert_null(strstr(buf, "\"pid\""));
	free(buf);
}

/* Walks the blocks as the format says: type, length, …, the same length. */
static void is_a_chain_of_blocks(void **state)
{
	static struct pcapng out;
	static unsigned char data[4 * PCAPNG_BUFFER];
	static const char bytes[300] = "packet";
	int fd = memfd_create("pcapng", 0), blocks[8] = {0};
	struct pcapng_packet p = {
		.interface = "eth0", .ethernet = true, .data = bytes, .comment = "dropped: x"};
	size_t at = 0, size;

	pcapng_begin(&out, fd);
	for (int i = 0; i < 500; i++) {
		p.ifindex = i % 2;
		p.captured = i % 257;
		p.length = 1500;
		assert_int_equal(pcapng_write(&out, &p), 0);
	}
	assert_int_equal(pcapng_flush(&out), 0);
	size = pread(fd, data, sizeof(data), 0);
	assert_true(size > 500 * 32 && size < sizeof(data));
	while (at < size) {
		uint32_t type, length, again;

		memcpy(&type, data + at, 4);
		memcpy(&length, data + at + 4, 4);
		assert_true(length >= 12 && length % 4 == 0 && at + length <= size);
		memcpy(&again, data + at + length - 4, 4);
		assert_int_equal(again, length);
		blocks[type < 7 ? type : 7]++;
		at += length;
	}
	assert_int_equal(blocks[7], 1);	  /* section */
	assert_int_equal(blocks[1], 2);	  /* interfaces */
	assert_int_equal(blocks[6], 500); /* packets */
	close(fd);
}

static void a_full_disk_is_told(void **state)
{
	static struct pcapng out;

	pcapng_begin(&out, open("/dev/full", O_WRONLY));
	assert_int_equal(pcapng_flush(&out), -ENOSPC);
	assert_int_equal(pcapng_flush(&out), -ENOSPC);
	close(out.fd);
}

static void build_id_of_no_elf(void **state)
{
	unsigned char id[BUILD_ID_MAX];
	int fd = memfd_create("elf", 0), self = open("/proc/self/exe", O_RDONLY);
	char text[2 * BUILD_ID_MAX + 1], head[128];

	assert_int_equal(build_id_read(fd, id), -ENODATA);
	assert_int_equal(write(fd, "\177ELF\2\1\1", 7), 7);
	assert_true(build_id_read(fd, id) < 0);
	assert_int_equal(pread(self, head, sizeof(head), 0), sizeof(head));
	assert_int_equal(pwrite(fd, head, sizeof(head), 0), sizeof(head)); /* cut off behind it */
	assert_true(build_id_read(fd, id) < 0);
	assert_true(build_id_read(self, id) >= 8);
	assert_int_equal(build_id_of(getpid(), NULL, 0, text, sizeof(text)), 0);
	assert_true(strspn(text, "0123456789abcdef") == strlen(text) && strlen(text) >= 16);
	assert_true(build_id_of(0x7ffffff0, NULL, 0, text, sizeof(text)) < 0);
	assert_true(build_id_of(0x7ffffff0, "/proc/self/exe", 1, text, sizeof(text)) < 0);
	close(fd);
	close(self);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_no_record), cmocka_unit_test(is_one_line),
		cmocka_unit_test(is_a_chain_of_blocks),	     cmocka_unit_test(a_full_disk_is_told),
		cmocka_unit_test(build_id_of_no_elf),
	};

	return cmocka_run_group_tests_name("trace_drops", tests, NULL, NULL);
}
