/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Which file is underneath. A uprobe goes to the inode that d_real_inode() says, and reaches the
 * mappings whose vm_file has it: of files on overlay mounts that is the one of the layer below. No
 * system call tells it. So user space maps the file and asks for the inode of that mapping
 * (user/kernel/inode.c). bpf_find_vma: Linux 5.17 (7c7e3d31e785).
 */
#ifndef PYAUDIT_BPF_INODE_H
#define PYAUDIT_BPF_INODE_H

__u64 inode_asked; /* an address in the mapping */
__u64 inode_told;  /* the inode's address: its identity while somebody holds it */

static long note_inode(struct task_struct *task, struct vm_area_struct *vma, void *arg)
{
	inode_told = (__u64)BPF_CORE_READ(vma, vm_file, f_inode);
	return 0;
}

/* Run by user space, in its own task. */
SEC("raw_tp")
int tell_inode(void *ctx)
{
	bpf_find_vma(bpf_get_current_task_btf(), inode_asked, note_inode, (void *)0, 0);
	return 0;
}

#endif
