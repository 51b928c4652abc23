/* SPDX-License-Identifier: BSD-2-Clause */
/* Build ids by libelf. The file is the suspect's: nothing in it is believed. */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>
#include "Events/build_id.h"
#include "HostIsolation/cleanup.h"

#define NOTES_MAX (1u << 20) /* real ones are some hundred bytes */

static int find_note(Elf_Data *data, unsigned char id[BUILD_ID_MAX])
{
	size_t at = 0, name, desc;
	GElf_Nhdr note;

	while ((at = gelf_getnote(data, at, &note, &name, &desc)) > 0) {
		if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != sizeof("GNU") ||
		    memcmp((char *)data->d_buf + name, "GNU", sizeof("GNU")) || !note.n_descsz ||
		    note.n_descsz > BUILD_ID_MAX)
			continue;
		memcpy(id, (char *)data->d_buf + desc, note.n_descsz);
		return note.n_descsz;
	}
	return -ENODATA;
}

int build_id_read(int fd, unsigned char id[BUILD_ID_MAX])
{
	int ret = -ENODATA;
	GElf_Phdr p;
	size_t count;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf)
		return -ENOEXEC;
	if (elf_kind(elf) != ELF_K_ELF || elf_getphdrnum(elf, &count))
		count = 0;
	for (size_t i = 0; i < count && ret == -ENODATA; i++) {
		Elf_Data *data;

		if (!gelf_getphdr(elf, i, &p) || p.p_type != PT_NOTE || p.p_filesz > NOTES_MAX)
			continue;
		data = elf_getdata_rawchunk(elf, p.p_offset, p.p_filesz,
					    p.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
		if (data)
			ret = find_note(data, id);
	}
	elf_end(elf);
	return ret;
}

static struct known {
	dev_t dev;
	ino_t ino;
	struct timespec ctime;
	int size; /* or -errno */
	unsigned char id[BUILD_ID_MAX];
} known[256];

static bool same(const struct known *k, const struct stat *st)
{
	return k->ino == st->st_ino && k->dev == st->st_dev &&
	       k->ctime.tv_sec == st->st_ctim.tv_sec && k->ctime.tv_nsec == st->st_ctim.tv_nsec;
}

static int open_program(int pid, const char *path, unsigned int mnt_ns)
{
	const int how = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	struct stat own;
	char exe[64];
	int fd;

	snprintf(exe, sizeof(exe), "/proc/%d/exe", pid);
	fd = open(exe, how);
	if (fd < 0 && path && path[0] == '/' && !stat("/proc/self/ns/mnt", &own) &&
	    own.st_ino == mnt_ns)
		fd = open(path, how);
	return fd;
}

int build_id_of(int pid, const char *path, unsigned int mnt_ns, char *text, size_t size)
{
	_cleanup_close_ int fd = open_program(pid, path, mnt_ns);
	struct known *k;
	struct statfs fs;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || fstatfs(fd, &fs))
		return -errno;
	if (!S_ISREG(st.st_mode) || fs.f_type == FUSE_SUPER_MAGIC)
		return -ENODATA; /* a file system of the suspect's own could make us wait for ever
				  */
	k = &known[(st.st_ino ^ st.st_dev) % (sizeof(known) / sizeof(known[0]))];
	if (!same(k, &st)) {
		k->size = build_id_read(fd, k->id);
		k->dev = st.st_dev;
		k->ino = st.st_ino;
		k->ctime = st.st_ctim;
	}
	if (k->size < 0 || (size_t)k->size * 2 >= size)
		return k->size < 0 ? k->size : -ENOSPC;
	for (int i = 0; i < k->size; i++)
		snprintf(text + 2 * i, 3, "%02x", k->id[i]);
	return 0;
}
