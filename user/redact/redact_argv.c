// SPDX-License-Identifier: GPL-2.0-only
/*
 * Passwords in command lines: behind flags whose name is a secret's, behind the flags of some
 * programs that are not (mysql -pX, curl -u name:X), in NAME=value, in headers, and the same in
 * what a shell is given with -c.
 */
#include "redact/redact_text.h"

enum where {
	ATTACHED = 1, /* -pX */
	NEXT = 2,     /* -p X */
};

/* Flags that take a secret in some programs only. */
static const struct program {
	const char *name; /* the file's, or how it begins: "mysql*" */
	const char *subcommand;
	const char *flag;
	uint8_t where;
	char after; /* the secret begins behind this character; 0: with the value */
	bool runs;  /* what follows is another program's command line */
} programs[] = {
	{"mysql*", NULL, "-p", ATTACHED, 0, false},
	{"mariadb*", NULL, "-p", ATTACHED, 0, false},
	{"mongo*", NULL, "-p", ATTACHED | NEXT, 0, false},
	{"sqlcmd", NULL, "-P", ATTACHED | NEXT, 0, false},
	{"redis-cli", NULL, "-a", NEXT, 0, false},
	{"sshpass", NULL, "-p", ATTACHED | NEXT, 0, true},
	{"docker", "login", "-p", ATTACHED | NEXT, 0, false},
	{"podman", "login", "-p", ATTACHED | NEXT, 0, false},
	{"ldapsearch", NULL, "-w", ATTACHED | NEXT, 0, false},
	{"ldapmodify", NULL, "-w", ATTACHED | NEXT, 0, false},
	{"ldapadd", NULL, "-w", ATTACHED | NEXT, 0, false},
	{"ldapdelete", NULL, "-w", ATTACHED | NEXT, 0, false},
	{"ldapwhoami", NULL, "-w", ATTACHED | NEXT, 0, false},
	{"ldappasswd", NULL, "-w", ATTACHED | NEXT, 0, false},
	{"curl", NULL, "-u", ATTACHED | NEXT, ':', false},
	{"curl", NULL, "-U", ATTACHED | NEXT, ':', false},
	{"curl", NULL, "--user", NEXT, ':', false},
	{"curl", NULL, "--proxy-user", NEXT, ':', false},
	{"smbclient", NULL, "-U", ATTACHED | NEXT, '%', false},
	{"rpcclient", NULL, "-U", ATTACHED | NEXT, '%', false},
	{"unzip", NULL, "-P", ATTACHED | NEXT, 0, false},
	{"zip", NULL, "-P", ATTACHED | NEXT, 0, false},
	{"7z", NULL, "-p", ATTACHED, 0, false},
	{"7za", NULL, "-p", ATTACHED, 0, false},
	{"ipmitool", NULL, "-P", ATTACHED | NEXT, 0, false},
};

#define N_PROGRAMS (sizeof(programs) / sizeof(*programs))

static const char *const shells[] = {"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "busybox"};

/* A command in a command: how deep that is followed. */
#define SHELL_DEPTH 3

static bool has_prefix(const struct view *v, uint32_t from, uint32_t to, const char *text,
		       size_t len)
{
	size_t i;

	if (to - from < len)
		return false;
	for (i = 0; i < len; i++)
		if (view_at(v, from + i) != (unsigned char)text[i])
			return false;
	return true;
}

static bool is_word(const struct view *v, uint32_t from, uint32_t to, const char *word)
{
	size_t len = strlen(word);

	return to - from == len && has_prefix(v, from, to, word, len);
}

static bool is_name_of(const struct view *v, uint32_t from, uint32_t to, const char *name)
{
	size_t len = strlen(name);

	if (name[len - 1] == '*')
		return has_prefix(v, from, to, name, len - 1);
	return is_word(v, from, to, name);
}

static uint32_t basename_start(const struct view *v, uint32_t from, uint32_t to)
{
	uint32_t i;

	for (i = to; i > from; i--)
		if (view_at(v, i - 1) == '/')
			return i;
	return from;
}

/* The rows of one program follow one another: the first of them. */
static const struct program *find_program(const struct view *v, uint32_t from, uint32_t to)
{
	size_t i;

	for (i = 0; i < N_PROGRAMS; i++)
		if (is_name_of(v, from, to, programs[i].name))
			return &programs[i];
	return NULL;
}

static bool is_shell(const struct view *v, uint32_t from, uint32_t to)
{
	size_t i;

	for (i = 0; i < sizeof(shells) / sizeof(*shells); i++)
		if (is_word(v, from, to, shells[i]))
			return true;
	return false;
}

/* A word that is no flag: a program, a subcommand, an operand. What runs another program (sudo,
 * timeout, docker exec) names it so. */
static void note_operand(struct command_line *line, const struct view *v, uint32_t from,
			 uint32_t to)
{
	uint32_t base = basename_start(v, from, to);
	const struct program *program;

	if (line->program && line->program->subcommand &&
	    is_word(v, from, to, line->program->subcommand))
		line->subcommand = true;
	program = find_program(v, base, to);
	if (program && (!line->program || line->program->subcommand))
		line->program = program;
	if (is_shell(v, base, to))
		line->is_shell = true;
}

static void expect_secret(struct command_line *line, char after)
{
	line->secret_next = true;
	line->secret_after = after;
}

static void add_behind(const struct view *v, uint32_t from, uint32_t to, char after,
		       struct spans *spans)
{
	if (after) {
		from = view_find(v, from, to, after);
		from += from < to;
	}
	spans_add(spans, from, to, TOKEN_ARGV);
}

/* Whether it is one of the program's own. */
static bool scan_program_flag(struct command_line *line, const struct view *v, uint32_t from,
			      uint32_t to, struct spans *spans)
{
	const struct program *p = line->program;
	uint32_t len;

	if (!p || (p->subcommand && !line->subcommand))
		return false;
	for (; p < programs + N_PROGRAMS && !strcmp(p->name, line->program->name); p++) {
		len = strlen(p->flag);
		if (!has_prefix(v, from, to, p->flag, len))
			continue;
		if (to - from == len && p->where & NEXT)
			expect_secret(line, p->after);
		else if (to - from > len && p->where & ATTACHED)
			add_behind(v, from + len, to, p->after, spans);
		else
			continue;
		if (p->runs)
			line->program = NULL;
		return true;
	}
	return false;
}

/* NAME=value; "Name: value", a header; pass:value as openssl has it. */
static void scan_operand(const struct view *v, uint32_t from, uint32_t to, struct spans *spans)
{
	uint32_t end = from;

	while (end < to && !unit_is_space(view_at(v, end)) &&
	       !unit_is_in(view_at(v, end), "=:/?&\"'"))
		end++;
	if (end == to)
		return;
	if (view_at(v, end) == '=' && view_is_secret_name(v, from, end))
		spans_add(spans, end + 1, to, TOKEN_ARGV);
	if (view_at(v, end) != ':')
		return;
	if (view_starts(v, from, to, "pass:"))
		spans_add(spans, end + 1, to, TOKEN_ARGV);
	else if (end + 1 < to && view_at(v, end + 1) == ' ' && view_is_secret_name(v, from, end))
		spans_add(spans, end + 2, to, TOKEN_HEADER);
}

/* --no-password, --ask-token: switches. */
static bool is_switch(const struct view *v, uint32_t from, uint32_t to)
{
	return view_starts(v, from, to, "no-") || view_starts(v, from, to, "ask-") ||
	       view_starts(v, from, to, "prompt-");
}

static void scan_flag(struct command_line *line, const struct view *v, uint32_t from, uint32_t to,
		      struct spans *spans)
{
	uint32_t name = from, end = view_find(v, from, to, '=');

	if (scan_program_flag(line, v, from, to, spans))
		return;
	while (name < end && view_at(v, name) == '-')
		name++;
	if (view_is_secret_name(v, name, end)) {
		if (end < to)
			spans_add(spans, end + 1, to, TOKEN_ARGV);
		else if (!is_switch(v, name, end))
			expect_secret(line, 0);
		return;
	}
	/* --header=Authorization: X, --env=TOKEN=X; -HAuthorization: X, -eTOKEN=X */
	if (view_at(v, from + 1) != '-')
		scan_operand(v, from + 2, to, spans);
	else if (end < to)
		scan_operand(v, end + 1, to, spans);
	if (line->is_shell && view_at(v, to - 1) == 'c' && view_at(v, from + 1) != '-')
		line->code_next = true;
}

static bool is_long_flag(const struct view *v, uint32_t from, uint32_t to)
{
	return to - from > 2 && view_at(v, from) == '-' && view_at(v, from + 1) == '-';
}

static void scan_code(const struct view *v, uint32_t from, uint32_t to, struct spans *spans,
		      int depth);

static void scan_word_at(struct command_line *line, const struct view *v, uint32_t from,
			 uint32_t to, struct spans *spans, int depth)
{
	bool secret = line->secret_next, code = line->code_next;

	line->secret_next = line->code_next = false;
	if (from >= to)
		return;
	/* A switch after all: its program asks for the password. */
	if (secret && !is_long_flag(v, from, to)) {
		add_behind(v, from, to, line->secret_after, spans);
	} else if (code) {
		scan_code(v, from, to, spans, depth + 1);
	} else if (view_at(v, from) == '-' && to - from > 1) {
		scan_flag(line, v, from, to, spans);
	} else {
		note_operand(line, v, from, to);
		scan_operand(v, from, to, spans);
	}
}

void scan_word(struct command_line *line, const struct view *v, uint32_t from, uint32_t to,
	       struct spans *spans)
{
	scan_word_at(line, v, from, to, spans, 0);
}

/* The length of a token that stands there already: to a shell its < would be a redirection, and
 * what follows a flag would be hidden twice. */
static uint32_t token_length(const struct view *v, uint32_t from, uint32_t to)
{
	static const char *const tokens[] = {TOKEN_ARGV, TOKEN_HEADER, TOKEN_URL};
	size_t i;

	for (i = 0; i < sizeof(tokens) / sizeof(*tokens); i++)
		if (view_starts(v, from, to, tokens[i]))
			return strlen(tokens[i]);
	return 0;
}

/* Where a word of a shell's ends: quotes hold together what they enclose. */
static uint32_t word_end(const struct view *v, uint32_t i, uint32_t to)
{
	uint32_t unit, quote = 0, token;

	for (; i < to; i++) {
		unit = view_at(v, i);
		token = unit == '<' ? token_length(v, i, to) : 0;
		if (token)
			i += token - 1;
		else if (unit == '\\' && quote != '\'')
			i++;
		else if (quote && unit == quote)
			quote = 0;
		else if (!quote && unit_is_in(unit, "\"'"))
			quote = unit;
		else if (!quote && (unit_is_space(unit) || unit_is_in(unit, ";&|()`<>")))
			break;
	}
	return i < to ? i : to;
}

static void scan_shell_word(struct command_line *line, const struct view *v, uint32_t from,
			    uint32_t to, struct spans *spans, int depth)
{
	uint32_t first = view_at(v, from);

	/* The quotes around a word stay. */
	if (unit_is_in(first, "\"'")) {
		from++;
		if (to > from && view_at(v, to - 1) == first)
			to--;
	}
	scan_word_at(line, v, from, to, spans, depth);
}

static void scan_code(const struct view *v, uint32_t from, uint32_t to, struct spans *spans,
		      int depth)
{
	struct command_line line = {0};
	uint32_t end, unit;

	if (depth > SHELL_DEPTH)
		return;
	while (from < to) {
		unit = view_at(v, from);
		/* A new command begins. */
		if (unit_is_in(unit, ";&|()`\n"))
			line = (struct command_line){0};
		if ((unit_is_space(unit) || unit_is_in(unit, ";&|()`<>")) &&
		    !token_length(v, from, to)) {
			from++;
			continue;
		}
		end = word_end(v, from, to);
		scan_shell_word(&line, v, from, end, spans, depth);
		from = end;
	}
}

void scan_shell(const struct view *v, uint32_t from, uint32_t to, struct spans *spans)
{
	scan_code(v, from, to, spans, 0);
}
