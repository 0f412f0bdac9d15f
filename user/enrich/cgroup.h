/* SPDX-License-Identifier: GPL-2.0-only */
/* What a control group's path says of a process: its container, its pod, its systemd unit. */
#ifndef PYAUDIT_ENRICH_CGROUP_H
#define PYAUDIT_ENRICH_CGROUP_H

#include <stdbool.h>

#define CGROUP_CONTAINER_LEN 64 /* hexadecimal digits */
#define CGROUP_POD_LEN	     36

struct cgroup_identity {
	char *path; /* of cgroup v2, or of the first hierarchy of v1 where it is not the root's */
	char *unit;
	char container[CGROUP_CONTAINER_LEN + 1]; /* "": none */
	char pod[CGROUP_POD_LEN + 1];
};

/*
 * Takes note of the path in one hierarchy; that of v2 is to come first. What an earlier one said
 * stays. Known forms (the innermost container counts):
 *
 *   docker      /docker/ID, /system.slice/docker-ID.scope
 *   podman      /libpod_parent/libpod-ID, .../libpod-ID.scope/container
 *   containerd  /kubepods/burstable/podUID/ID, .../cri-containerd-ID.scope,
 * .../UNIT:cri-containerd:ID cri-o       .../kubepods-podUID.slice/crio-ID.scope
 *
 * where ID is 64 hexadecimal digits. conmon, which watches over a container, is none. The unit is
 * the first name below the slices that systemd gives its units. Without memory something stays
 * unknown.
 */
void cgroup_identity_add(struct cgroup_identity *id, const char *path);

/* The lines of /proc/PID/cgroup. */
void cgroup_identity_parse(struct cgroup_identity *id, const char *text);

void cgroup_identity_free(struct cgroup_identity *id);

#endif
