// SPDX-License-Identifier: GPL-2.0-only
/* Numbers, sizes and times as the command line has them. */
#include "options_values.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>

int take_digits(const char **text, uint64_t *value)
{
	const char *s = *text;
	uint64_t v = 0;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	for (; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *s - '0', &v))
			return -ERANGE;
	*text = s;
	*value = v;
	return 0;
}

int parse_number(const char *text, uint64_t *value)
{
	int ret = take_digits(&text, value);

	return ret ? ret : *text ? -EINVAL : 0;
}

int parse_size(const char *text, uint64_t *bytes)
{
	static const char suffixes[] = "kKmMgG";
	const char *suffix;
	uint64_t value;
	int shift = 0, ret = take_digits(&text, &value);

	if (ret)
		return ret;
	if (*text) {
		suffix = strchr(suffixes, *text);
		if (!suffix || text[1])
			return -EINVAL;
		shift = 10 * (1 + (int)(suffix - suffixes) / 2);
	}
	if (value > UINT64_MAX >> shift)
		return -ERANGE;
	*bytes = value << shift;
	return 0;
}

int parse_user(const char *text, uint32_t *uid)
{
	struct passwd *user = getpwnam(text);
	uint64_t number;

	if (!user && (parse_number(text, &number) || number >= UINT32_MAX))
		return -ENOENT;
	*uid = user ? user->pw_uid : number;
	return 0;
}

static const struct time_unit {
	const char *suffix;
	uint64_t ns;
} time_units[] = {
	{"", 1000000000ULL},   {"s", 1000000000ULL},	{"ms", 1000000ULL},
	{"m", 60000000000ULL}, {"h", 3600000000000ULL}, {"d", 86400000000000ULL},
};

/* The fraction behind a point in units of 1e-9; finer than that is an error, not a rounding. */
static int take_fraction(const char **text, uint64_t *billionths)
{
	const char *start = *text;
	int ret = take_digits(text, billionths), digits = (int)(*text - start);

	if (ret)
		return ret;
	if (digits > 9)
		return -EINVAL;
	while (digits++ < 9)
		*billionths *= 10;
	return 0;
}

static int time_in_ns(uint64_t whole, uint64_t billionths, uint64_t unit, uint64_t *ns)
{
	unsigned __int128 total = (unsigned __int128)whole * unit;

	total += (unsigned __int128)billionths * unit / 1000000000;
	/* Deadlines are sums of this and a clock: keep clear of the sign bit. */
	if (total > INT64_MAX / 2)
		return -ERANGE;
	*ns = (uint64_t)total;
	return 0;
}

int parse_time(const char *text, uint64_t *ns)
{
	uint64_t whole = 0, billionths = 0;
	size_t i;
	int ret = *text == '.' ? 0 : take_digits(&text, &whole);

	if (!ret && *text == '.') {
		text++;
		ret = take_fraction(&text, &billionths);
	}
	if (ret)
		return ret;
	for (i = 0; i < sizeof(time_units) / sizeof(*time_units); i++)
		if (!strcmp(text, time_units[i].suffix))
			return time_in_ns(whole, billionths, time_units[i].ns, ns);
	return -EINVAL;
}
