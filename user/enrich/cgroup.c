// SPDX-License-Identifier: GPL-2.0-only
#include "enrich/cgroup.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define HEX	 "0123456789abcdef"
#define POD_HASH 32 /* of static pods: no UUID, a hash of their manifest */

/* A name in a path. */
struct name {
	const char *text;
	size_t len;
};

static bool next_name(const char **path, struct name *name)
{
	*path += strspn(*path, "/");
	name->text = *path;
	name->len = strcspn(*path, "/");
	*path += name->len;
	return name->len;
}

static bool ends_with(const struct name *name, const char *end)
{
	size_t len = strlen(end);

	return name->len > len && !memcmp(name->text + name->len - len, end, len);
}

static bool contains(const struct name *name, const char *what)
{
	return memmem(name->text, name->len, what, strlen(what));
}

/* Behind the last '-' or ':', without ".scope", there is exactly an ID. */
static bool take_container(struct name name, char *id)
{
	size_t start;

	if (contains(&name, "conmon"))
		return false;
	if (ends_with(&name, ".scope"))
		name.len -= strlen(".scope");
	for (start = name.len; start && name.text[start - 1] != '-' && name.text[start - 1] != ':';)
		start--;
	if (name.len - start != CGROUP_CONTAINER_LEN ||
	    strspn(name.text + start, HEX) < CGROUP_CONTAINER_LEN)
		return false;
	memcpy(id, name.text + start, CGROUP_CONTAINER_LEN);
	id[CGROUP_CONTAINER_LEN] = '\0';
	return true;
}

/* A UUID, where systemd's slices have '_' for '-', or a hash. */
static size_t pod_length(const char *text, size_t len)
{
	size_t i;

	if (len >= CGROUP_POD_LEN) {
		for (i = 0; i < CGROUP_POD_LEN; i++)
			if (i == 8 || i == 13 || i == 18 || i == 23
				    ? text[i] != '-' && text[i] != '_'
				    : !text[i] || !strchr(HEX, text[i]))
				break;
		if (i == CGROUP_POD_LEN)
			return i;
	}
	return len >= POD_HASH && strspn(text, HEX) == POD_HASH ? POD_HASH : 0;
}

/* "podUID", or "kubepods-burstable-podUID.slice", which may go on as ".slice:cri-containerd:ID" */
static void take_pod(const struct name *name, char *pod)
{
	const char *at = memmem(name->text, name->len, "pod", 3), *end = name->text + name->len;
	size_t len, i;

	for (; at; at = memmem(at, end - at, "pod", 3)) {
		bool begins = at == name->text || at[-1] == '-';

		at += 3;
		len = begins ? pod_length(at, end - at) : 0;
		if (!len || (at + len < end && strncmp(at + len, ".slice", 6)))
			continue;
		for (i = 0; i < len; i++)
			pod[i] = at[i] == '_' ? '-' : at[i];
		pod[len] = '\0';
		return;
	}
}

static bool is_unit(const struct name *name)
{
	return ends_with(name, ".service") || ends_with(name, ".scope");
}

void cgroup_identity_add(struct cgroup_identity *id, const char *path)
{
	char container[sizeof(id->container)] = "", pod[sizeof(id->pod)] = "";
	bool above = true;
	struct name name;
	const char *p;

	if (!id->path && strcmp(path, "/"))
		id->path = strdup(path);
	for (p = path; next_name(&p, &name);) {
		take_container(name, container);
		take_pod(&name, pod);
		if (!above || ends_with(&name, ".slice"))
			continue;
		above = false;
		if (is_unit(&name) && !id->unit)
			id->unit = strndup(name.text, name.len);
	}
	if (!id->container[0])
		memcpy(id->container, container, sizeof(container));
	if (!id->pod[0])
		memcpy(id->pod, pod, sizeof(pod));
}

/* "4:memory:/docker/ID": a number, controllers, and the path, which may hold any byte but a line
 * end. */
static void parse_line(struct cgroup_identity *id, char *line, bool v2)
{
	char *controllers = strchr(line, ':'), *path;

	path = controllers ? strchr(controllers + 1, ':') : NULL;
	if (path && path[1] == '/' && v2 == (path == controllers + 1))
		cgroup_identity_add(id, path + 1);
}

static void parse_lines(struct cgroup_identity *id, const char *text, bool v2)
{
	char *copy = strdup(text), *rest = copy, *line;

	while (rest && (line = strsep(&rest, "\n")))
		parse_line(id, line, v2);
	free(copy);
}

void cgroup_identity_parse(struct cgroup_identity *id, const char *text)
{
	parse_lines(id, text, true);
	parse_lines(id, text, false);
}

void cgroup_identity_free(struct cgroup_identity *id)
{
	free(id->path);
	free(id->unit);
	*id = (struct cgroup_identity){0};
}
