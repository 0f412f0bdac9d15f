// SPDX-License-Identifier: GPL-2.0-only
#include "decode/socket_address.h"

#include <string.h>
#include <sys/un.h>

#include "decode/text_iter.h"

static void take_inet(const struct text *raw, struct socket_address *address)
{
	struct sockaddr_in in;

	if (raw->len < sizeof(in))
		return;
	memcpy(&in, raw->data, sizeof(in));
	inet_ntop(AF_INET, &in.sin_addr, address->host, sizeof(address->host));
	address->port = ntohs(in.sin_port);
}

/* The kernel takes it without the scope too (SIN6_LEN_RFC2133, net/ipv6/af_inet6.c). */
static void take_inet6(const struct text *raw, struct socket_address *address)
{
	struct sockaddr_in6 in6 = {0};

	if (raw->len < offsetof(struct sockaddr_in6, sin6_scope_id))
		return;
	memcpy(&in6, raw->data, raw->len < sizeof(in6) ? raw->len : sizeof(in6));
	inet_ntop(AF_INET6, &in6.sin6_addr, address->host, sizeof(address->host));
	address->port = ntohs(in6.sin6_port);
}

/* A name in the file system ends with a NUL, an abstract one begins with it. */
static void take_unix(const struct text *raw, struct socket_address *address)
{
	size_t at = offsetof(struct sockaddr_un, sun_path);
	const char *path = (const char *)raw->data + at;
	size_t len = raw->len > at ? raw->len - at : 0;

	address->path = text_of_bytes(path, len && *path ? strnlen(path, len) : len);
}

void socket_address_of(const struct text *raw, struct socket_address *address)
{
	sa_family_t family = AF_UNSPEC;

	*address = (struct socket_address){0};
	if (raw->len >= sizeof(family))
		memcpy(&family, raw->data, sizeof(family));
	address->family = family;
	if (family == AF_INET)
		take_inet(raw, address);
	else if (family == AF_INET6)
		take_inet6(raw, address);
	else if (family == AF_UNIX)
		take_unix(raw, address);
}
