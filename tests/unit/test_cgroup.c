// SPDX-License-Identifier: GPL-2.0-only
/* What control group paths say, in the forms container runtimes and systemd give them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "enrich/cgroup.h"

#define ID    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define POD   "8f3a1b2c-0d4e-4f5a-9b6c-7d8e9f0a1b2c"
#define POD_  "8f3a1b2c_0d4e_4f5a_9b6c_7d8e9f0a1b2c"
#define HASH  "0123456789abcdef0123456789abcdef"

struct example {
	const char *path, *container, *pod, *unit;
};

static const struct example examples[] = {
	{"/", "", "", NULL},
	{"/docker/" ID, ID, "", NULL},
	{"/system.slice/docker-" ID ".scope", ID, "", "docker-" ID ".scope"},
	{"/docker/" OTHER "/docker/" ID, ID, "", NULL},
	{"/docker/" OTHER "/kubelet/kubepods/besteffort/pod" POD "/" ID, ID, POD, NULL},
	{"/machine.slice/libpod-" ID ".scope/container", ID, "", "libpod-" ID ".scope"},
	{"/machine.slice/libpod-conmon-" ID ".scope", "", "", "libpod-conmon-" ID ".scope"},
	{"/libpod_parent/libpod-" ID, ID, "", NULL},
	{"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope/container",
	 ID, "", "user@1000.service"},
	{"/kubepods/burstable/pod" POD "/" ID, ID, POD, NULL},
	{"/kubepods/pod" HASH "/" ID, ID, HASH, NULL},
	{"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" POD_
	 ".slice/cri-containerd-" ID ".scope",
	 ID, POD, "cri-containerd-" ID ".scope"},
	{"/kubepods.slice/kubepods-pod" POD_ ".slice/crio-" ID ".scope", ID, POD,
	 "crio-" ID ".scope"},
	{"/kubepods.slice/kubepods-pod" POD_ ".slice/crio-conmon-" ID ".scope", "", POD,
	 "crio-conmon-" ID ".scope"},
	{"/system.slice/containerd.service/kubepods-burstable-pod" POD_ ".slice:cri-containerd:" ID,
	 ID, POD, "containerd.service"},
	{"/system.slice/shop.service", "", "", "shop.service"},
	{"/system.slice/shop.service/workers", "", "", "shop.service"},
	{"/user.slice/user-0.slice/session-3.scope", "", "", "session-3.scope"},
	{"/process_api/" HASH, "", "", NULL},
	/* Not quite an ID: too long, too short, not hexadecimal, in capitals. */
	{"/docker/" ID "0", "", "", NULL},
	{"/docker/a" HASH, "", "", NULL},
	{"/docker/x123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "", "", NULL},
	{"/docker/ABCDEF6789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "", "", NULL},
	/* Not quite a pod. */
	{"/kubepods/podium/" ID, ID, "", NULL},
	{"/kubepods/pod" POD "x/" ID, ID, "", NULL},
	{"/kubepods/pod8f3a1b2c", "", "", NULL},
	{"//docker//" ID "/", ID, "", NULL},
	{"/a.service/b.scope", "", "", "a.service"},
	{"/.service", "", "", NULL},
};

static void assert_unit(const char *have, const char *want)
{
	if (want)
		assert_string_equal(have, want);
	else
		assert_null(have);
}

static void known_forms(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		const struct example *e = &examples[i];
		struct cgroup_identity id = {0};

		cgroup_identity_add(&id, e->path);
		assert_string_equal(id.container, e->container);
		assert_string_equal(id.pod, e->pod);
		assert_unit(id.unit, e->unit);
		assert_unit(id.path, strcmp(e->path, "/") ? e->path : NULL);
		cgroup_identity_free(&id);
	}
}

static void proc_file(void **state)
{
	struct cgroup_identity id = {0};

	cgroup_identity_parse(&id, "12:pids:/docker/" ID "\n1:name=systemd:/docker/" ID "\n0::/\n");
	assert_string_equal(id.container, ID);
	assert_string_equal(id.path, "/docker/" ID);
	cgroup_identity_free(&id);

	/* v2 comes first wherever its line is; a path may hold what looks like a line's beginning.
	 */
	cgroup_identity_parse(&id, "4:memory:/docker/" OTHER "\n0::/system.slice/a:b.service\n");
	assert_string_equal(id.path, "/system.slice/a:b.service");
	assert_string_equal(id.unit, "a:b.service");
	assert_string_equal(id.container, OTHER);
	cgroup_identity_free(&id);

	cgroup_identity_parse(&id, "\n:\n::\nrubbish\n0:/x\n");
	assert_null(id.path);
	cgroup_identity_free(&id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_forms),
		cmocka_unit_test(proc_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
