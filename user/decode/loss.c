// SPDX-License-Identifier: GPL-2.0-only
#include "decode/audit_event.h"

const char *const loss_reasons[] = {
	[LOSS_RING] = "ring",	  [LOSS_SCRATCH] = "scratch", [LOSS_DECODE] = "decode",
	[LOSS_OUTPUT] = "output", [LOSS_RATE] = "rate",	      [LOSS_CPU] = "cpu",
	[LOSS_MAX] = NULL,
};
