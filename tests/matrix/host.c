// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program that embeds the libpython it is linked with, and does what python3 would. It has no
 * start file: that of this machine's C library may need a newer one than the libpython's system
 * has. All it asks of a C library is exit.
 */
int Py_BytesMain(int argc, char **argv);
void exit(int status) __attribute__((noreturn));

__attribute__((noreturn, used)) static void start(long *stack)
{
	exit(Py_BytesMain((int)stack[0], (char **)(stack + 1)));
}

__asm__(".globl _start\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call start\n");
