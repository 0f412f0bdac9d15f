/* SPDX-License-Identifier: GPL-2.0-only */
/* The pieces of --format ocsf: the record (sink/ocsf.c), the classes (sink/ocsf_activity.c), the
 * objects that several of them have (sink/ocsf_object.c). */
#ifndef PYAUDIT_OCSF_H
#define PYAUDIT_OCSF_H

#include "sink/siem.h"

struct ocsf_class {
	uint16_t uid;
	const char *name;
	uint8_t category;
	const char *category_name;
};

/* What one record is written from. */
struct ocsf {
	struct members m;
	const struct audit_event *event;
	struct siem_act act;
	uint64_t seq;
};

struct ocsf_activity {
	const struct ocsf_class *class;
	uint8_t id;
	const char *name;
	bool (*possible)(const struct ocsf *o); /* it has what the class asks for */
	void (*put)(struct ocsf *o);		/* NULL: nothing of its own */
};

/* What the record is: a Base Event when no class fits. */
struct ocsf_activity ocsf_activity_of(const struct ocsf *o);

enum file_type { FILE_UNKNOWN = 0, FILE_REGULAR = 1, FILE_FOLDER = 2 };

/* Members of an object. A time in ns, written in ms; a value that is no text is left out. */
void ocsf_put_time(struct members *m, const char *key, int64_t ns);
void ocsf_put_file(struct members *m, const char *key, const struct value *path,
		   enum file_type type);
void ocsf_put_string(struct members *m, const char *key, const struct value *v);
void ocsf_put_user(struct members *m, const struct audit_event *event);
void ocsf_put_parent(struct members *m, uint32_t pid);
/* The traced process. */
void ocsf_put_traced(struct members *m, const char *key, const struct audit_event *event);
void ocsf_put_endpoint(struct members *m, const char *key, const struct siem_address *a);

#endif
