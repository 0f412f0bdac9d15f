// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/atomic.h"

#include <linux/types.h>

#include "live_filter.h"
#include "pyaudit_atomic.skel.h"

struct pyaudit *atomic_open(void)
{
	return pyaudit__open();
}
