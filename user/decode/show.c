// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables of names and the few ways to print from them. The numbers are those of this kernel and C
 * library on this architecture, which are the traced process's too.
 */
#include "decode/show.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/can.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/xattr.h>
#include <syslog.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct name {
	uint64_t value;
	const char *name;
};

struct names {
	const struct name *rows;
	size_t n;
};

/* clang-format off */
#define N(constant) { (constant), #constant }
#define NAMES(rows) { rows, ARRAY_SIZE(rows) }
/* clang-format on */

/* The C library calls O_LARGEFILE 0 where it is always on; the kernel, and so Python code that
 * copied it from there, still has the bit. */
#ifdef __aarch64__
#define KERNEL_O_LARGEFILE 0400000
#else
#define KERNEL_O_LARGEFILE 0100000
#endif

static const struct name access_modes[] = {
	N(O_RDONLY),
	N(O_WRONLY),
	N(O_RDWR),
	N(O_ACCMODE),
};

/* Without the access mode. A flag of several bits stands before those that are part of it: O_SYNC
 * has the bit of O_DSYNC, O_TMPFILE that of O_DIRECTORY. */
static const struct name open_flags[] = {
	N(O_CREAT),
	N(O_EXCL),
	N(O_NOCTTY),
	N(O_TRUNC),
	N(O_APPEND),
	N(O_NONBLOCK),
	N(O_SYNC),
	N(O_DSYNC),
	N(O_ASYNC),
	N(O_DIRECT),
	{KERNEL_O_LARGEFILE, "O_LARGEFILE"},
	N(O_NOFOLLOW),
	N(O_NOATIME),
	N(O_CLOEXEC),
	N(O_PATH),
	N(O_TMPFILE),
	N(O_DIRECTORY),
};

static const struct name signals[] = {
	N(SIGHUP),    N(SIGINT),  N(SIGQUIT), N(SIGILL),  N(SIGTRAP), N(SIGABRT),   N(SIGBUS),
	N(SIGFPE),    N(SIGKILL), N(SIGUSR1), N(SIGSEGV), N(SIGUSR2), N(SIGPIPE),   N(SIGALRM),
	N(SIGTERM),   N(SIGCHLD), N(SIGCONT), N(SIGSTOP), N(SIGTSTP), N(SIGTTIN),   N(SIGTTOU),
	N(SIGSTKFLT), N(SIGURG),  N(SIGXCPU), N(SIGXFSZ), N(SIGPROF), N(SIGVTALRM), N(SIGWINCH),
	N(SIGIO),     N(SIGPWR),  N(SIGSYS),
};

static const struct name families[] = {
	N(AF_UNSPEC),	 N(AF_UNIX),	   N(AF_INET),	  N(AF_AX25),	 N(AF_IPX),
	N(AF_APPLETALK), N(AF_NETROM),	   N(AF_BRIDGE),  N(AF_ATMPVC),	 N(AF_X25),
	N(AF_INET6),	 N(AF_ROSE),	   N(AF_DECnet),  N(AF_NETBEUI), N(AF_SECURITY),
	N(AF_KEY),	 N(AF_NETLINK),	   N(AF_PACKET),  N(AF_ASH),	 N(AF_ECONET),
	N(AF_ATMSVC),	 N(AF_RDS),	   N(AF_SNA),	  N(AF_IRDA),	 N(AF_PPPOX),
	N(AF_WANPIPE),	 N(AF_LLC),	   N(AF_IB),	  N(AF_MPLS),	 N(AF_CAN),
	N(AF_TIPC),	 N(AF_BLUETOOTH),  N(AF_IUCV),	  N(AF_RXRPC),	 N(AF_ISDN),
	N(AF_PHONET),	 N(AF_IEEE802154), N(AF_CAIF),	  N(AF_ALG),	 N(AF_NFC),
	N(AF_VSOCK),	 N(AF_KCM),	   N(AF_QIPCRTR), N(AF_SMC),	 N(AF_XDP),
	N(AF_MCTP),
};

/* The low four bits of a socket type, as the kernel splits it. */
#define SOCKTYPE_MASK 0xf

static const struct name socket_types[] = {
	N(SOCK_STREAM),	   N(SOCK_DGRAM), N(SOCK_RAW),	  N(SOCK_RDM),
	N(SOCK_SEQPACKET), N(SOCK_DCCP),  N(SOCK_PACKET),
};

static const struct name socket_flags[] = {
	N(SOCK_CLOEXEC),
	N(SOCK_NONBLOCK),
};

static const struct name inet_protocols[] = {
	N(IPPROTO_IP),	    N(IPPROTO_ICMP),	 N(IPPROTO_IGMP),     N(IPPROTO_IPIP),
	N(IPPROTO_TCP),	    N(IPPROTO_EGP),	 N(IPPROTO_PUP),      N(IPPROTO_UDP),
	N(IPPROTO_IDP),	    N(IPPROTO_TP),	 N(IPPROTO_DCCP),     N(IPPROTO_IPV6),
	N(IPPROTO_ROUTING), N(IPPROTO_FRAGMENT), N(IPPROTO_RSVP),     N(IPPROTO_GRE),
	N(IPPROTO_ESP),	    N(IPPROTO_AH),	 N(IPPROTO_ICMPV6),   N(IPPROTO_NONE),
	N(IPPROTO_DSTOPTS), N(IPPROTO_MTP),	 N(IPPROTO_BEETPH),   N(IPPROTO_ENCAP),
	N(IPPROTO_PIM),	    N(IPPROTO_COMP),	 N(IPPROTO_SCTP),     N(IPPROTO_MH),
	N(IPPROTO_UDPLITE), N(IPPROTO_MPLS),	 N(IPPROTO_ETHERNET), N(IPPROTO_RAW),
	N(IPPROTO_MPTCP),
};

static const struct name netlink_protocols[] = {
	N(NETLINK_ROUTE),      N(NETLINK_USERSOCK),	 N(NETLINK_FIREWALL),
	N(NETLINK_SOCK_DIAG),  N(NETLINK_NFLOG),	 N(NETLINK_XFRM),
	N(NETLINK_SELINUX),    N(NETLINK_ISCSI),	 N(NETLINK_AUDIT),
	N(NETLINK_FIB_LOOKUP), N(NETLINK_CONNECTOR),	 N(NETLINK_NETFILTER),
	N(NETLINK_IP6_FW),     N(NETLINK_DNRTMSG),	 N(NETLINK_KOBJECT_UEVENT),
	N(NETLINK_GENERIC),    N(NETLINK_SCSITRANSPORT), N(NETLINK_ECRYPTFS),
	N(NETLINK_RDMA),       N(NETLINK_CRYPTO),	 N(NETLINK_SMC),
};

static const struct name can_protocols[] = {
	N(CAN_RAW), N(CAN_BCM), N(CAN_TP16), N(CAN_TP20), N(CAN_MCNET), N(CAN_ISOTP), N(CAN_J1939),
};

static const struct name rlimits[] = {
	N(RLIMIT_CPU),	    N(RLIMIT_FSIZE), N(RLIMIT_DATA),   N(RLIMIT_STACK),
	N(RLIMIT_CORE),	    N(RLIMIT_RSS),   N(RLIMIT_NPROC),  N(RLIMIT_NOFILE),
	N(RLIMIT_MEMLOCK),  N(RLIMIT_AS),    N(RLIMIT_LOCKS),  N(RLIMIT_SIGPENDING),
	N(RLIMIT_MSGQUEUE), N(RLIMIT_NICE),  N(RLIMIT_RTPRIO), N(RLIMIT_RTTIME),
};

static const struct name flock_flags[] = {
	N(LOCK_SH), N(LOCK_EX), N(LOCK_UN), N(LOCK_NB), N(LOCK_MAND), N(LOCK_READ), N(LOCK_WRITE),
};

static const struct name lockf_commands[] = {
	N(F_ULOCK),
	N(F_LOCK),
	N(F_TLOCK),
	N(F_TEST),
};

static const struct name fcntl_commands[] = {
	N(F_DUPFD),
	N(F_GETFD),
	N(F_SETFD),
	N(F_GETFL),
	N(F_SETFL),
	N(F_GETLK),
	N(F_SETLK),
	N(F_SETLKW),
	N(F_SETOWN),
	N(F_GETOWN),
	N(F_SETSIG),
	N(F_GETSIG),
	N(F_SETOWN_EX),
	N(F_GETOWN_EX),
	N(F_OFD_GETLK),
	N(F_OFD_SETLK),
	N(F_OFD_SETLKW),
	N(F_SETLEASE),
	N(F_GETLEASE),
	N(F_NOTIFY),
	N(F_DUPFD_CLOEXEC),
	N(F_SETPIPE_SZ),
	N(F_GETPIPE_SZ),
	N(F_ADD_SEALS),
	N(F_GET_SEALS),
	N(F_GET_RW_HINT),
	N(F_SET_RW_HINT),
	N(F_GET_FILE_RW_HINT),
	N(F_SET_FILE_RW_HINT),
};

static const struct name ioctl_requests[] = {
	N(TCGETS),	    N(TCSETS),	       N(TCSETSW),	N(TCSETSF),	 N(TCGETA),
	N(TCSETA),	    N(TCSBRK),	       N(TCXONC),	N(TCFLSH),	 N(TIOCEXCL),
	N(TIOCNXCL),	    N(TIOCSCTTY),      N(TIOCGPGRP),	N(TIOCSPGRP),	 N(TIOCOUTQ),
	N(TIOCSTI),	    N(TIOCGWINSZ),     N(TIOCSWINSZ),	N(TIOCMGET),	 N(TIOCMBIS),
	N(TIOCMBIC),	    N(TIOCMSET),       N(FIONREAD),	N(TIOCLINUX),	 N(TIOCCONS),
	N(TIOCPKT),	    N(FIONBIO),	       N(TIOCNOTTY),	N(TIOCSETD),	 N(TIOCGETD),
	N(TIOCSBRK),	    N(TIOCCBRK),       N(TIOCGSID),	N(TIOCGPTN),	 N(TIOCSPTLCK),
	N(TIOCVHANGUP),	    N(TIOCGPTPEER),    N(FIONCLEX),	N(FIOCLEX),	 N(FIOASYNC),
	N(SIOCGIFNAME),	    N(SIOCGIFCONF),    N(SIOCGIFFLAGS), N(SIOCSIFFLAGS), N(SIOCGIFADDR),
	N(SIOCSIFADDR),	    N(SIOCGIFNETMASK), N(SIOCGIFMTU),	N(SIOCSIFMTU),	 N(SIOCGIFHWADDR),
	N(SIOCSIFHWADDR),   N(SIOCGIFINDEX),   N(SIOCETHTOOL),	N(SIOCADDRT),	 N(SIOCDELRT),
	N(TUNSETIFF),	    N(TUNSETPERSIST),  N(FICLONE),	N(FICLONERANGE), N(FS_IOC_GETFLAGS),
	N(FS_IOC_SETFLAGS), N(FS_IOC_FIEMAP),  N(FIFREEZE),	N(FITHAW),	 N(FITRIM),
	N(BLKROSET),	    N(BLKROGET),       N(BLKRRPART),	N(BLKGETSIZE),	 N(BLKFLSBUF),
	N(BLKSSZGET),	    N(BLKDISCARD),     N(BLKGETSIZE64),
};

static const struct name whences[] = {
	N(SEEK_SET), N(SEEK_CUR), N(SEEK_END), N(SEEK_DATA), N(SEEK_HOLE),
};

static const struct name access_bits[] = {
	N(F_OK),
	N(R_OK),
	N(W_OK),
	N(X_OK),
};

/* CPython's Modules/mmapmodule.c, enum access_mode. */
static const struct name mmap_accesses[] = {
	{0, "ACCESS_DEFAULT"},
	{1, "ACCESS_READ"},
	{2, "ACCESS_WRITE"},
	{3, "ACCESS_COPY"},
};

static const struct name dlopen_flags[] = {
	N(RTLD_LOCAL),	  N(RTLD_LAZY),	  N(RTLD_NOW),	    N(RTLD_NOLOAD),
	N(RTLD_DEEPBIND), N(RTLD_GLOBAL), N(RTLD_NODELETE),
};

static const struct name xattr_flags[] = {
	N(XATTR_CREATE),
	N(XATTR_REPLACE),
};

static const struct name syslog_levels[] = {
	N(LOG_EMERG),	N(LOG_ALERT),  N(LOG_CRIT), N(LOG_ERR),
	N(LOG_WARNING), N(LOG_NOTICE), N(LOG_INFO), N(LOG_DEBUG),
};

static const struct name syslog_facilities[] = {
	N(LOG_KERN),	 N(LOG_USER),	N(LOG_MAIL),   N(LOG_DAEMON), N(LOG_AUTH),
	N(LOG_SYSLOG),	 N(LOG_LPR),	N(LOG_NEWS),   N(LOG_UUCP),   N(LOG_CRON),
	N(LOG_AUTHPRIV), N(LOG_FTP),	N(LOG_LOCAL0), N(LOG_LOCAL1), N(LOG_LOCAL2),
	N(LOG_LOCAL3),	 N(LOG_LOCAL4), N(LOG_LOCAL5), N(LOG_LOCAL6), N(LOG_LOCAL7),
};

static const struct name syslog_options[] = {
	N(LOG_PID), N(LOG_CONS), N(LOG_ODELAY), N(LOG_NDELAY), N(LOG_NOWAIT), N(LOG_PERROR),
};

static const char *name_of(const struct names *names, uint64_t value)
{
	for (size_t i = 0; i < names->n; i++)
		if (names->rows[i].value == value)
			return names->rows[i].name;
	return NULL;
}

/* The value as a whole has a name. */
static bool show_one(struct buf *out, const struct names *names, int64_t value)
{
	const char *name = name_of(names, value);

	if (!name)
		return false;
	buf_str(out, name);
	return true;
}

/* Names the flags in bits and appends the rest in hexadecimal; sep precedes the first of them. */
static void add_bits(struct buf *out, const struct names *names, uint64_t bits, const char *sep)
{
	for (size_t i = 0; bits && i < names->n; i++) {
		uint64_t flag = names->rows[i].value;

		if (!flag || (bits & flag) != flag)
			continue;
		buf_str(out, sep);
		buf_str(out, names->rows[i].name);
		bits &= ~flag;
		sep = "|";
	}
	if (bits)
		buf_printf(out, "%s0x%" PRIx64, sep, bits);
}

/* All of these are C ints: outside 32 bits, or negative, the number is not a set of flags. */
static bool show_bits(struct buf *out, const struct names *names, int64_t value)
{
	bool named = false;

	if (value < 0 || value > UINT32_MAX)
		return false;
	for (size_t i = 0; i < names->n; i++)
		named |= names->rows[i].value && (value & names->rows[i].value);
	if (!named)
		return show_one(out, names, value);
	add_bits(out, names, value, "");
	return true;
}

static bool show_open(struct buf *out, const struct names *names, int64_t value)
{
	static const struct names modes = NAMES(access_modes);

	if (value < 0 || value > UINT32_MAX)
		return false;
	buf_str(out, name_of(&modes, value & O_ACCMODE));
	add_bits(out, names, value & ~(int64_t)O_ACCMODE, "|");
	return true;
}

static bool show_mode(struct buf *out, const struct names *names, int64_t value)
{
	if (value < 0 || value > UINT32_MAX)
		return false;
	buf_printf(out, "0o%" PRIo64, (uint64_t)value);
	return true;
}

/* The first two real-time signals belong to the C library, which is why SIGRTMIN is no constant. */
static bool show_signal(struct buf *out, const struct names *names, int64_t value)
{
	if (value < SIGRTMIN || value > SIGRTMAX)
		return show_one(out, names, value);
	if (value == SIGRTMAX)
		buf_lit(out, "SIGRTMAX");
	else if (value == SIGRTMIN)
		buf_lit(out, "SIGRTMIN");
	else
		buf_printf(out, "SIGRTMIN+%d", (int)(value - SIGRTMIN));
	return true;
}

static bool show_socktype(struct buf *out, const struct names *names, int64_t value)
{
	static const struct names flags = NAMES(socket_flags);

	if (value < 0 || value > UINT32_MAX || !show_one(out, names, value & SOCKTYPE_MASK))
		return false;
	add_bits(out, &flags, value & ~(int64_t)SOCKTYPE_MASK, "|");
	return true;
}

static bool show_pointer(struct buf *out, const struct names *names, int64_t value)
{
	if (!value)
		buf_lit(out, "NULL");
	else
		buf_printf(out, "0x%" PRIx64, (uint64_t)value);
	return true;
}

/* What was passed as -1 arrives as an unsigned number. */
static bool show_uid(struct buf *out, const struct names *names, int64_t value)
{
	if (value != UINT32_MAX)
		return false;
	buf_lit(out, "-1");
	return true;
}

/* Requests are 32 bits; Python hands a negative one on as it is. */
static bool show_ioctl(struct buf *out, const struct names *names, int64_t value)
{
	if (value >= INT32_MIN && value < 0)
		value = (uint32_t)value;
	if (!show_one(out, names, value))
		buf_printf(out, "0x%" PRIx64, (uint64_t)value);
	return true;
}

static bool show_priority(struct buf *out, const struct names *names, int64_t value)
{
	static const struct names facilities = NAMES(syslog_facilities);
	const char *facility;

	if (value < 0 || value > (LOG_FACMASK | LOG_PRIMASK))
		return false;
	facility = name_of(&facilities, value & LOG_FACMASK);
	if (!facility)
		return false;
	if (value & LOG_FACMASK)
		buf_printf(out, "%s|", facility);
	return show_one(out, names, value & LOG_PRIMASK);
}

/* How an argument is shown: by which function, from which table. */
static const struct hint {
	bool (*show)(struct buf *out, const struct names *names, int64_t value);
	struct names names;
} hints[SHOW_MAX] = {
	[SHOW_OPEN_FLAGS] = {show_open, NAMES(open_flags)},
	[SHOW_MODE] = {show_mode, {0}},
	[SHOW_SIGNAL] = {show_signal, NAMES(signals)},
	[SHOW_FAMILY] = {show_one, NAMES(families)},
	[SHOW_SOCKTYPE] = {show_socktype, NAMES(socket_types)},
	[SHOW_RLIMIT] = {show_one, NAMES(rlimits)},
	[SHOW_FLOCK] = {show_bits, NAMES(flock_flags)},
	[SHOW_POINTER] = {show_pointer, {0}},
	[SHOW_PROTOCOL] = {show_one, NAMES(inet_protocols)},
	[SHOW_UID] = {show_uid, {0}},
	[SHOW_LOCKF] = {show_one, NAMES(lockf_commands)},
	[SHOW_FCNTL] = {show_one, NAMES(fcntl_commands)},
	[SHOW_IOCTL] = {show_ioctl, NAMES(ioctl_requests)},
	[SHOW_WHENCE] = {show_one, NAMES(whences)},
	[SHOW_ACCESS] = {show_bits, NAMES(access_bits)},
	[SHOW_MMAP_ACCESS] = {show_one, NAMES(mmap_accesses)},
	[SHOW_DLOPEN_FLAGS] = {show_bits, NAMES(dlopen_flags)},
	[SHOW_XATTR_FLAGS] = {show_bits, NAMES(xattr_flags)},
	[SHOW_SYSLOG_PRIORITY] = {show_priority, NAMES(syslog_levels)},
	[SHOW_SYSLOG_FACILITY] = {show_one, NAMES(syslog_facilities)},
	[SHOW_SYSLOG_OPTION] = {show_bits, NAMES(syslog_options)},
};

bool show_number(struct buf *out, enum arg_show show, int64_t value)
{
	const struct hint *hint;

	if ((unsigned int)show >= SHOW_MAX)
		return false;
	hint = &hints[show];
	return hint->show && hint->show(out, &hint->names, value);
}

bool show_protocol(struct buf *out, int64_t family, int64_t protocol)
{
	static const struct names netlink = NAMES(netlink_protocols), can = NAMES(can_protocols);

	switch (family) {
	case AF_INET:
	case AF_INET6: return show_number(out, SHOW_PROTOCOL, protocol);
	case AF_UNSPEC: return protocol && show_number(out, SHOW_PROTOCOL, protocol);
	case AF_NETLINK: return show_one(out, &netlink, protocol);
	case AF_CAN: return show_one(out, &can, protocol);
	default: return false;
	}
}
