// SPDX-License-Identifier: GPL-2.0-only
#include "target/env_args.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 256 /* -S may bring forth another -S */

bool env_args_push(struct env_args *a, const char *text)
{
	char *copy;

	if (a->n >= ENV_ARGS_MAX)
		return false;
	copy = strdup(text);
	if (!copy)
		return false;
	memmove(a->argv + 1, a->argv, (a->n + 1) * sizeof(*a->argv));
	a->argv[0] = copy;
	a->n++;
	return true;
}

void env_args_drop(struct env_args *a, size_t n)
{
	size_t i;

	if (n > a->n)
		n = a->n;
	for (i = 0; i < n; i++)
		free(a->argv[i]);
	memmove(a->argv, a->argv + n, (a->n - n + 1) * sizeof(*a->argv));
	a->n -= n;
}

static bool set_path(struct env_args *a, const char *path)
{
	free(a->path);
	a->path = path ? strdup(path) : NULL;
	return !path || a->path;
}

bool env_args_init(struct env_args *a, char *const argv[], const char *path)
{
	/* One place is left for each of a script's name, its interpreter and its argument. */
	const size_t most = ENV_ARGS_MAX / 2;

	*a = (struct env_args){0};
	for (; a->n < most && argv[a->n]; a->n++) {
		a->argv[a->n] = strdup(argv[a->n]);
		if (!a->argv[a->n])
			return false;
	}
	return set_path(a, path);
}

void env_args_free(struct env_args *a)
{
	env_args_drop(a, a->n);
	free(a->path);
	*a = (struct env_args){0};
}

/* The character that \c stands for in a -S string; 0: none that is known. */
static char unescape(char c)
{
	static const char from[] = "fnrtv#$\\\"' _", to[] = "\f\n\r\t\v#$\\\"'  ";
	const char *at = c ? strchr(from, c) : NULL;

	return at ? to[at - from] : 0;
}

/* One word of a -S string from *s to word (as large as the string); false at what is not foreseen:
 * variables and broken quoting. */
static bool split_word(const char **s, char *word)
{
	const char *p = *s;
	char quote = 0;

	for (; *p && (quote || !strchr(" \t\n\v\f\r", *p)); p++) {
		if (quote ? *p == quote : *p == '\'' || *p == '"') {
			quote = quote ? 0 : *p;
		} else if (*p == '$' && quote != '\'') {
			return false;
		} else if (*p == '\\' && quote != '\'') {
			if (!quote && p[1] == '_')
				break;
			*word = unescape(*++p);
			if (!*word++)
				return false;
		} else {
			*word++ = *p;
		}
	}
	*word = 0;
	*s = p;
	return !quote;
}

/* Puts the words of a -S string in front of the arguments. */
static bool push_words(struct env_args *a, const char *text)
{
	char *words[ENV_ARGS_MAX], *word = malloc(strlen(text) + 1);
	size_t n = 0;
	bool good = word != NULL;

	while (good) {
		while (*text && (strchr(" \t\n\v\f\r", *text) || !strncmp(text, "\\_", 2)))
			text += *text == '\\' ? 2 : 1;
		if (!*text || *text == '#' || !strncmp(text, "\\c", 2))
			break;
		good = n < ENV_ARGS_MAX && split_word(&text, word) && (words[n] = strdup(word));
		n += good;
	}
	while (n--) {
		good = good && env_args_push(a, words[n]);
		free(words[n]);
	}
	free(word);
	return good;
}

/* Drops the first n arguments after splitting text, which may lie in them. */
static bool replace_by_words(struct env_args *a, size_t n, const char *text)
{
	char *copy = strdup(text);
	bool good = copy != NULL;

	env_args_drop(a, n);
	good = good && push_words(a, copy);
	free(copy);
	return good;
}

/* An option and its argument: in the same word behind it, or the next word. */
static bool take_argument(struct env_args *a, char option, const char *inside)
{
	const char *value = inside ? inside : a->argv[1];
	size_t n = inside ? 1 : 2;
	bool good = true;

	if (!value)
		return false;
	if (option == 'S')
		return replace_by_words(a, n, value);
	if (option == 'u' && !strcmp(value, "PATH"))
		good = set_path(a, NULL);
	env_args_drop(a, n);
	return good;
}

/* coreutils env: which long options have an argument that may be the next word. */
static bool take_long(struct env_args *a)
{
	static const struct {
		const char *name;
		char letter;
	} longs[] = {
		{"--split-string", 'S'},
		{"--unset", 'u'},
		{"--chdir", 'C'},
		{"--argv0", 'a'},
	};
	const char *text = a->argv[0];
	size_t i, len = strcspn(text, "=");

	for (i = 0; i < sizeof(longs) / sizeof(*longs); i++)
		if (strlen(longs[i].name) == len && !strncmp(text, longs[i].name, len))
			return take_argument(a, longs[i].letter, text[len] ? text + len + 1 : NULL);
	if (!strcmp(text, "--ignore-environment") && !set_path(a, NULL))
		return false;
	env_args_drop(a, 1);
	return true;
}

static bool take_letters(struct env_args *a)
{
	const char *s = a->argv[0] + 1;
	/* "-" alone is -i. */
	bool clear = !*s;

	for (; *s; s++) {
		if (strchr("SuCa", *s)) {
			if (clear && !set_path(a, NULL))
				return false;
			return take_argument(a, *s, s[1] ? s + 1 : NULL);
		}
		clear |= *s == 'i';
	}
	if (clear && !set_path(a, NULL))
		return false;
	env_args_drop(a, 1);
	return true;
}

static bool take_assignments(struct env_args *a)
{
	while (a->n && strchr(a->argv[0], '=')) {
		if (!strncmp(a->argv[0], "PATH=", 5) && !set_path(a, a->argv[0] + 5))
			return false;
		env_args_drop(a, 1);
	}
	return a->n > 0;
}

bool env_args_apply(struct env_args *a)
{
	bool good = true;
	int rounds;

	env_args_drop(a, 1);
	for (rounds = 0; a->n && a->argv[0][0] == '-'; rounds++) {
		if (rounds == ROUNDS_MAX)
			return false;
		if (!strcmp(a->argv[0], "--")) {
			env_args_drop(a, 1);
			break;
		}
		good = a->argv[0][1] == '-' ? take_long(a) : take_letters(a);
		if (!good)
			return false;
	}
	return take_assignments(a);
}
