/* SPDX-License-Identifier: GPL-2.0-only */
/* Which processes the probes of an image have been put into, where that is done a process at a
 * time. */
#ifndef PYAUDIT_IMAGE_PLACES_H
#define PYAUDIT_IMAGE_PLACES_H

#include "images.h"

/* Puts the probes of an image into a process, or everywhere (pid -1): those of a new image, which
 * gets its number, or those it has elsewhere. twin: see tracer_mark_twin. Returns 0 or a negative
 * errno. */
int image_places_add(struct tracer *tracer, struct image_entry *e, pid_t pid, bool twin);

bool image_places_have(const struct image_entry *e, pid_t pid);

/* See images_attach_anew. */
void image_places_renew(struct tracer *tracer, struct image_entry *e, pid_t pid, pid_t thread);

#endif
