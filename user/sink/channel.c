// SPDX-License-Identifier: GPL-2.0-only
#include "sink/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <linux/sockios.h>
#include <unistd.h>

#include "base/interrupt.h"
#include "base/log.h"
#include "sink/channel_state.h"

#define UDP_MAX	    65507 /* bytes of a datagram over IPv4 */
#define SEND_BUFFER (8 << 20)

static void fail(struct channel *c, int err)
{
	snprintf(c->error, sizeof(c->error), "%s", strerror(-err));
}

static int resolve(struct channel *c, const char *what)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV};
	sigset_t before;
	int err;

	interrupt_allow(&before);
	err = getaddrinfo(c->address->host, c->address->port, &hints, &c->udp);
	interrupt_restore(&before);
	if (err)
		log_error("%s: %.200s: %s; give another host", what, c->address->host,
			  gai_strerror(err));
	return err ? -EINVAL : 0;
}

struct channel *channel_new(const char *what, const struct address *address, int flags)
{
	struct channel *c = calloc(1, sizeof(*c));

	if (!c) {
		log_error("%s: out of memory", what);
		return NULL;
	}
	c->address = address;
	c->flags = flags;
	c->fd = -1;
	c->type = flags & CHANNEL_STREAM_FIRST ? SOCK_STREAM : SOCK_DGRAM;
	if (address->kind == ADDRESS_TCP || address->kind == ADDRESS_TLS)
		c->type = SOCK_STREAM;
	if ((address->kind == ADDRESS_UDP && resolve(c, what)) ||
	    (channel_is_remote(c) && channel_remote_init(c, what))) {
		channel_free(c);
		return NULL;
	}
	return c;
}

void channel_free(struct channel *channel)
{
	if (!channel)
		return;
	channel_close(channel);
	if (channel->udp)
		freeaddrinfo(channel->udp);
	channel_remote_exit(channel);
	free(channel);
}

/* More may be on its way to a receiver that is slow; what the kernel grants is asked afterwards. */
static void enlarge_buffer(struct channel *c)
{
	int size = SEND_BUFFER;
	socklen_t len = sizeof(size);

	if (setsockopt(c->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (!getsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &size, &len))
		c->buffer = size;
}

static int connect_to(struct channel *c, int family, int type, const struct sockaddr *addr,
		      socklen_t len)
{
	int err;

	c->fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		return -errno;
	enlarge_buffer(c);
	if (!connect(c->fd, addr, len))
		return 0;
	err = -errno;
	close(c->fd);
	c->fd = -1;
	return err;
}

/* A socket of the other type says EPROTOTYPE. */
static int connect_unix(struct channel *c)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	const char *path = c->address->path;
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + strlen(path);
	int err;

	memcpy(addr.sun_path, path, strlen(path));
	if (*path == '@')
		addr.sun_path[0] = '\0';
	else
		len++;
	err = connect_to(c, AF_UNIX, c->type, (struct sockaddr *)&addr, len);
	if (err != -EPROTOTYPE)
		return err;
	c->type = c->type == SOCK_DGRAM ? SOCK_STREAM : SOCK_DGRAM;
	return connect_to(c, AF_UNIX, c->type, (struct sockaddr *)&addr, len);
}

/* A host may have several addresses, and its receiver listen on one. Whether anybody does is told
 * only later: after a break it is the next one's turn. */
static int connect_udp(struct channel *c)
{
	const struct addrinfo *to = c->udp_next ?: c->udp;

	c->udp_next = to->ai_next;
	return connect_to(c, to->ai_family, SOCK_DGRAM, to->ai_addr, to->ai_addrlen);
}

int channel_connect(struct channel *channel)
{
	int err;

	if (channel_is_remote(channel))
		return channel_remote_connect(channel);
	if (channel->fd >= 0)
		return 1;
	err = channel->address->kind == ADDRESS_UNIX ? connect_unix(channel) : connect_udp(channel);
	if (err)
		fail(channel, err);
	return err ?: 1;
}

/* https://systemd.io/JOURNAL_NATIVE_PROTOCOL: an empty datagram with the descriptor of a sealed
 * memory file that holds the entry. */
static ssize_t send_memfd(struct channel *c, const void *data, size_t len)
{
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr msg = {.msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int fd = memfd_create("pyaudit-trace", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ssize_t ret = -errno;

	if (fd < 0)
		return ret;
	*cmsg = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
				 .cmsg_type = SCM_RIGHTS,
				 .cmsg_len = CMSG_LEN(sizeof(fd))};
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	if (write(fd, data, len) != (ssize_t)len ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL))
		ret = -ENOMEM;
	else
		ret = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : (ssize_t)len;
	close(fd);
	return ret;
}

static ssize_t send_local(struct channel *c, const void *data, size_t len)
{
	ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n >= 0)
		return n;
	if (errno == EMSGSIZE && c->flags & CHANNEL_MEMFD)
		return send_memfd(c, data, len);
	/* ENOBUFS: a queue of the network is full. */
	return errno == EINTR || errno == ENOBUFS || errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

ssize_t channel_send(struct channel *channel, const void *data, size_t len)
{
	if (channel->fd < 0)
		return -ENOTCONN;
	if (channel->address->kind == ADDRESS_TLS)
		return channel_tls_send(channel, data, len);
	return send_local(channel, data, len);
}

static ssize_t recv_local(struct channel *c, void *data, size_t len)
{
	ssize_t n = recv(c->fd, data, len, MSG_DONTWAIT);

	if (n < 0)
		return -errno;
	return n || c->type == SOCK_DGRAM ? n : -EPIPE;
}

int channel_listen(struct channel *channel)
{
	char bytes[512];
	ssize_t n;

	if (channel->fd < 0)
		return -ENOTCONN;
	do {
		if (channel->address->kind == ADDRESS_TLS)
			n = channel_tls_recv(channel, bytes, sizeof(bytes));
		else
			n = recv_local(channel, bytes, sizeof(bytes));
	} while (n > 0);
	return n == -EAGAIN || n == -EINTR ? 0 : (int)n;
}

size_t channel_unread(const struct channel *channel)
{
	int bytes = 0;

	if (channel->fd < 0 || channel->address->kind == ADDRESS_UDP ||
	    ioctl(channel->fd, SIOCOUTQ, &bytes))
		return 0;
	return bytes > 0 ? bytes : 0;
}

void channel_shutdown(struct channel *channel)
{
	/* TLS has an end of its own, which libcurl sends when it is closed. */
	if (channel->fd >= 0 && channel->address->kind != ADDRESS_TLS)
		shutdown(channel->fd, SHUT_WR);
}

void channel_close(struct channel *channel)
{
	if (channel_is_remote(channel))
		channel_remote_close(channel);
	else if (channel->fd >= 0)
		close(channel->fd);
	channel->fd = -1;
}

bool channel_is_datagram(const struct channel *channel)
{
	return channel->type == SOCK_DGRAM;
}

size_t channel_datagram_max(const struct channel *channel)
{
	if (channel->address->kind == ADDRESS_UDP)
		return UDP_MAX;
	/* The kernel counts some more for each (unix_dgram_sendmsg). */
	if (channel->type == SOCK_DGRAM && !(channel->flags & CHANNEL_MEMFD) && channel->buffer)
		return channel->buffer - 64;
	return SIZE_MAX;
}

bool channel_tells_reads(const struct channel *channel)
{
	return channel->address->kind == ADDRESS_UNIX;
}

int channel_fd(const struct channel *channel)
{
	return channel->fd;
}

const char *channel_error(const struct channel *channel)
{
	return channel->error;
}
