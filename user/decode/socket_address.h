/* SPDX-License-Identifier: GPL-2.0-only */
/* A struct sockaddr as a system call was given it. */
#ifndef PYAUDIT_SOCKET_ADDRESS_H
#define PYAUDIT_SOCKET_ADDRESS_H

#include <arpa/inet.h>

#include "decode/audit_event.h"

struct socket_address {
	int family;		     /* AF_UNSPEC: too short to tell */
	char host[INET6_ADDRSTRLEN]; /* of AF_INET and AF_INET6; else empty */
	uint16_t port;
	/* of AF_UNIX: the path, or the abstract name with its leading NUL; bytes of what was given
	 */
	struct text path;
};

/* raw: its bytes, as many as were given. Only a family with all its parts there has more than the
 * family: *address tells an internet address by its host not being empty. */
void socket_address_of(const struct text *raw, struct socket_address *address);

#endif
