// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes as a file of the spool. */
#include <assert.h>

#include "sink/spool_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spool_block block;
	size_t at = SPOOL_HEADER, start;

	if (!spool_header_kind(data, size))
		return 0;
	while (spool_frame(data, size, &at, &block, &start) > 0)
		assert(start >= SPOOL_HEADER + SPOOL_FRAME_HEADER && block.len && at <= size &&
		       start + block.len == at && block.count <= block.records);
	return 0;
}
