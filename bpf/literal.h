/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * C strings in pages that are not there yet.
 *
 * A BPF program that reads user memory does not bring in a page: and the literals of event names
 * and formats lie in pages of the file that a process just started, or just forked, has often not
 * touched; CPython itself does not look at them when nobody listens.
 *
 * Where uprobe programs may sleep (6.0: 8c7dcb84e3b7) one byte of the page is asked for in a way
 * that does bring it in, and the read tried again. Older kernels get the literals of the image's
 * own file from user space, page by page, when it is attached; those of extension modules can be
 * missed there.
 */
#ifndef PYAUDIT_BPF_LITERAL_H
#define PYAUDIT_BPF_LITERAL_H

/* Longer literals than this may be cut where they lie across the end of a page. */
#define LITERAL_SPAN 64

/* The name or format at a user address, if the image's file has one there. */
static __always_inline const struct known_literal *literal_known(__u32 image, __u64 addr)
{
	__u64 index = literal_index(image, addr);
	__u32 slot = literal_slot(index), i;
	const struct known_literal *known;

	UNROLL
	for (i = 0; i < LITERAL_TRIES; i++, slot = (slot + 1) % LITERAL_SLOTS) {
		known = bpf_map_lookup_elem(&known_literals, &slot);
		if (known && known->key == index)
			return known;
		if (!known || !known->key)
			return 0;
	}
	return 0;
}

/* Copies its text, zeros behind it included. */
static __always_inline void literal_copy(char *to, const struct known_literal *known)
{
	__u32 i;

	UNROLL
	for (i = 0; i < LITERAL_TEXT; i += 8)
		*(__u64 *)(to + i) = *(const __u64 *)(known->text + i);
}

static __always_inline long fault_in(__u64 addr)
{
	__u64 last = addr + LITERAL_SPAN - 1;
	long err;
	char byte;

	err = read_user_waiting(&byte, 1, addr);
	if ((last ^ addr) >> 12)
		read_user_waiting(&byte, 1, last);
	return err;
}

static __always_inline long read_from_file(void *dst, __u32 size, __u64 addr, __u32 image)
{
	struct literal_key key = {.addr = addr & ~(LITERAL_PAGE - 1ull), .image = image};
	struct literal_page *page = bpf_map_lookup_elem(&literals, &key);
	__u64 at = at_most(addr & (LITERAL_PAGE - 1), LITERAL_PAGE - 1);

	if (!page)
		return -EFAULT;
	return bpf_probe_read_kernel_str(dst, size > LITERAL_TAIL ? LITERAL_TAIL : size,
					 page->text + at);
}

/* As read_user_str, of a string that may be a literal of the image. */
static __always_inline long read_literal(void *dst, __u32 size, __u64 addr, __u32 image, __u64 bias)
{
	long n = read_user_str(dst, size, addr);

	if (n >= 0)
		return n;
	if (!knob_sleepable)
		return read_from_file(dst, size, addr - bias, image);
	return fault_in(addr) ? n : read_user_str(dst, size, addr);
}

#endif
