/* SPDX-License-Identifier: GPL-2.0-only */
/* A program with the functions of an interpreter that matter here, compiled as a test wants it. */
#ifndef PYAUDIT_TESTS_PYTHON_MADE_H
#define PYAUDIT_TESTS_PYTHON_MADE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const char source[] =
	"#include <stdarg.h>\n"
	"#define HIDE static __attribute__((noinline, noclone, used))\n"
	"#define FILL(n) asm volatile(\".fill \" #n \", 1, 0x90\")\n"
	"unsigned short python_audit_semaphore __attribute__((section(\".probes\"))) = 0;\n"
	"#ifdef USDT\n"
	"#define SITE asm volatile(\"990: nop\\n\"\\\n"
	" \".pushsection .note.stapsdt,\\\"\\\",\\\"note\\\"\\n.balign 4\\n\"\\\n"
	" \".4byte 992f-991f,994f-993f,3\\n991: .asciz \\\"stapsdt\\\"\\n992: .balign 4\\n\"\\\n"
	" \"993: .8byte 990b\\n.8byte _.stapsdt.base\\n.8byte \" SEMAPHORE \"\\n\"\\\n"
	" \".asciz \\\"python\\\"\\n.asciz \\\"audit\\\"\\n.asciz \\\"\" OPERANDS \"\\\"\\n\"\\\n"
	" \"994: .balign 4\\n.popsection\\n\"\\\n"
	")\n"
	"asm(\".pushsection .stapsdt.base,\\\"a\\\"\\n_.stapsdt.base: .space 1\\n.popsection\");\n"
	"#else\n"
	"#define SITE\n"
	"#endif\n"
	"const unsigned long Py_Version = VERSION;\n"
	"volatile int sink;\n"
	"#ifdef WORKER\n"
	"HIDE int sys_audit_tstate(void *t, const char *e, const char *f, va_list v)\n"
	"{ if (!t) return 0; sink += va_arg(v, int); FILL(400); SITE; return sink; }\n"
	"#define BODY(t, e, f, v) sys_audit_tstate(t, e, f, v)\n"
	"#else\n"
	"#define BODY(t, e, f, v) ({ FILL(1100); SITE; sink += (int)va_arg(v, double); })\n"
	"#endif\n"
	"#ifdef HELPER\n"
	"HELPER int helper(void) { FILL(400); return sink; }\n"
	"#define HELP sink += helper()\n"
	"#else\n"
	"#define HELP\n"
	"#endif\n"
	"int PySys_Audit(const char *e, const char *f, ...)\n"
	"{ va_list v; va_start(v, f); HELP; int r = BODY((void *)&sink, e, f, v); va_end(v); "
	"return r; "
	"}\n"
	"HIDE int _PySys_Audit(void *t, const char *e, const char *f, ...)\n"
	"{ va_list v; va_start(v, f); int r;\n"
	"#ifdef CLONE\n"
	"  FILL(400); SITE; r = sink + (int)va_arg(v, double);\n"
	"#else\n"
	"  r = BODY(t, e, f, v);\n"
	"#endif\n"
	"  va_end(v); return r; }\n"
	"HIDE void *sys_audit(void *self, void **args, long n)\n"
	"{ if (n < 1) return 0; _PySys_Audit(self, args[0], \"O\", args); sink++; return self; }\n"
	"struct def { const char *name; void *fn; int flags; const char *doc; };\n"
	"struct def sys_methods[] = {\n"
	"  {\"other\", sys_audit, 0x80, \"audit(\"},\n"
	"#ifdef METHOD\n"
	"  {\"audit\", sys_audit, 0x80, METHOD},\n"
	"#endif\n"
	"  {\"audit\", sys_audit, 1, \"audit(\"}, {0}};\n"
	"int main(void) { return PySys_Audit(\"a\", \"i\", 1) + (sys_methods[0].fn == 0); }\n";

#define WORKER	 "-DWORKER "
#define METHOD	 "-DMETHOD='\"audit(event, *args)\"' "
#define VERSION	 "-DVERSION=0x030b02f0 "
#define USDT	 "-DUSDT -DSEMAPHORE='\"python_audit_semaphore\"' -DOPERANDS='\"8@%rbx 8@-8(%rbp)\"' "
#define STRIPPED "-s "
#define SHARED	 "-shared -fPIC -Wl,-soname,libmade.so.1 -Wl,-z,noexecstack "
#define PACKED	 "-Wl,-z,pack-relative-relocs "
#define NO_PIE	 "-no-pie -rdynamic "
#define PIE	 "-pie -fPIE -rdynamic "
#define STATIC	 "-static "

static char directory[] = "/tmp/pyaudit-test-XXXXXX";
static char file[64], program[64];

static inline int write_source(void)
{
	FILE *f;

	snprintf(file, sizeof(file), "%s/made.c", directory);
	snprintf(program, sizeof(program), "%s/made", directory);
	f = fopen(file, "w");
	if (!f)
		return -1;
	fputs(source, f);
	return fclose(f);
}

static int make(const char *flags)
{
	char command[1024];
	int status;

	snprintf(command, sizeof(command), "cc -O1 -fcf-protection=full %s -o %s %s", flags,
		 program, file);
	status = system(command);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		skip();
	if (status)
		fail_msg("compiler: %s", command);
	return open(program, O_RDONLY | O_CLOEXEC);
}

#endif
