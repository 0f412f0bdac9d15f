# SPDX-License-Identifier: GPL-2.0-only
"""What the published schemas ask of the fields that --format ecs and --format ocsf write.

Of the Elastic Common Schema 8.17 (generated/ecs/ecs_flat.yml of github.com/elastic/ecs at v8.17.0): the
types of these fields, the allowed values of event.*, and which event.type goes with which category. Of
the Open Cybersecurity Schema Framework 1.8.0 (events/, objects/, dictionary.json and profiles/ of
github.com/ocsf/ocsf-schema): the attributes of the classes and objects written, what they require, and
the values of enumerations.
"""
import datetime
import ipaddress

KEYWORD, LONG, DATE, IP = "keyword", "long", "date", "ip"
PROCESS = {"pid": LONG, "name": KEYWORD, "executable": KEYWORD, "command_line": KEYWORD, "working_directory": KEYWORD,
           "start": DATE, "vpid": LONG, "args_count": LONG, "exit_code": LONG, "thread.id": LONG}
ECS_FIELDS = {
    "@timestamp": DATE, "ecs.version": KEYWORD, "message": KEYWORD, "log.level": KEYWORD,
    "agent.type": KEYWORD, "agent.version": KEYWORD, "host.hostname": KEYWORD,
    "event.kind": KEYWORD, "event.action": KEYWORD, "event.provider": KEYWORD, "event.module": KEYWORD,
    "event.dataset": KEYWORD, "event.sequence": LONG, "event.outcome": KEYWORD,
    "user.id": KEYWORD, "container.id": KEYWORD, "orchestrator.type": KEYWORD,
    "orchestrator.resource.type": KEYWORD, "orchestrator.resource.id": KEYWORD,
    "file.name": KEYWORD, "file.path": KEYWORD, "file.target_path": KEYWORD, "file.type": KEYWORD,
    "dll.name": KEYWORD, "dll.path": KEYWORD,
    "source.address": KEYWORD, "source.ip": IP, "source.domain": KEYWORD, "source.port": LONG,
    "destination.address": KEYWORD, "destination.ip": IP, "destination.domain": KEYWORD, "destination.port": LONG,
    "url.original": KEYWORD, "url.full": KEYWORD, "url.scheme": KEYWORD, "url.domain": KEYWORD, "url.port": LONG,
    "dns.type": KEYWORD, "dns.question.name": KEYWORD, "error.code": KEYWORD, "error.message": KEYWORD,
}
ECS_FIELDS.update({"process." + k: v for k, v in PROCESS.items()})
ECS_FIELDS.update({"process.parent." + k: v for k, v in PROCESS.items()})
ECS_ARRAYS = {"event.category", "event.type", "process.args"}
ECS_VALUES = {
    "event.kind": {"alert", "asset", "enrichment", "event", "metric", "state", "pipeline_error", "signal"},
    "event.outcome": {"success", "failure", "unknown"},
    "file.type": {"file", "dir", "symlink"},
}
# event.category: the values of event.type that are expected with it.
ECS_TYPES = {
    "configuration": {"access", "change", "creation", "deletion", "info"},
    "database": {"access", "change", "info", "error"},
    "driver": {"change", "end", "info", "start"},
    "file": {"access", "change", "creation", "deletion", "info"},
    "host": {"access", "change", "end", "info", "start"},
    "library": {"start"},
    "network": {"access", "allowed", "connection", "denied", "end", "info", "protocol", "start"},
    "package": {"access", "change", "deletion", "info", "installation", "start"},
    "process": {"access", "change", "end", "info", "start"},
    "web": {"access", "error", "info"},
}


def is_type(kind, value):
    if kind == LONG:
        return isinstance(value, int) and not isinstance(value, bool) and -2**63 <= value < 2**63
    if not isinstance(value, str):
        return False
    if kind == DATE:
        try:
            datetime.datetime.strptime(value[:26] + value[29:], "%Y-%m-%dT%H:%M:%S.%fZ")
        except ValueError:
            return False
    if kind == IP:
        try:
            ipaddress.ip_address(value)
        except ValueError:
            return False
    return True


def ecs_leaves(record, prefix=""):
    for key, value in record.items():
        if not prefix and key == "pyaudit":
            continue
        if isinstance(value, dict):
            yield from ecs_leaves(value, prefix + key + ".")
        else:
            yield prefix + key, value


def ecs_problems(record):
    """What the schema says against a record."""
    fields = dict(ecs_leaves(record))
    for name in {"@timestamp", "ecs.version", "event.kind"} - set(fields):
        yield "no %s" % name
    for name, value in fields.items():
        if name in ECS_ARRAYS:
            if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
                yield "%s: %r is no array of strings" % (name, value)
        elif name not in ECS_FIELDS:
            yield "%s is not a field of the schema" % name
        elif not is_type(ECS_FIELDS[name], value):
            yield "%s: %r is no %s" % (name, value, ECS_FIELDS[name])
        if name in ECS_VALUES and value not in ECS_VALUES[name]:
            yield "%s: %r is not allowed" % (name, value)
    categories, types = fields.get("event.category", []), fields.get("event.type", [])
    if bool(categories) != bool(types):
        yield "event.category %r without event.type %r" % (categories, types)
    for category in categories:
        if not set(types) <= ECS_TYPES.get(category, set()):
            yield "event.type %r does not go with category %s" % (types, category)


# OCSF. Of an attribute: its type, an object's name, or [type] for an array. A leading ! says it is required.
INT, STR, BOOL, PORT, IP_T = "integer", "string", "boolean", "port", "ip address"
OBJECTS = {
    "metadata": ({"version": "!" + STR, "product": "!product", "profiles": [STR], "log_name": STR, "log_provider": STR,
                  "event_code": STR, "sequence": INT, "original_time": STR}, ()),
    "product": ({"name": STR, "vendor_name": STR, "version": STR}, ("name", "uid")),
    "device": ({"hostname": STR, "type_id": "!" + INT}, ("hostname", "ip", "uid", "name")),
    "actor": ({"process": "process", "user": "user"}, ("process", "user")),
    "process": ({"pid": INT, "uid": STR, "name": STR, "ptid": INT, "cmd_line": STR, "file": "file",
                 "working_directory": STR, "created_time": INT, "user": "user", "parent_process": "process",
                 "container": "container", "namespace_pid": INT}, ("pid", "uid", "cpid")),
    "container": ({"uid": STR, "pod_uuid": STR}, ("uid", "name")),
    "user": ({"uid": STR}, ("account", "name", "uid")),
    "file": ({"name": "!" + STR, "path": STR, "type_id": "!" + INT}, ("name", "uid")),
    "kernel_driver": ({"file": "!file"}, ()),
    "module": ({"file": "file", "load_type_id": INT, "type": STR}, ("load_type_id", "function_name")),
    "script": ({"file": "file", "script_content": "!long_string", "type_id": "!" + INT}, ()),
    "long_string": ({"value": "!" + STR, "is_truncated": BOOL, "untruncated_size": INT}, ()),
    "network_endpoint": ({"ip": IP_T, "hostname": STR, "name": STR, "port": PORT}, ("ip", "hostname", "name")),
    "url": ({"url_string": STR, "scheme": STR, "hostname": STR, "port": PORT}, ("url_string", "path")),
    "dns_query": ({"hostname": "!" + STR}, ()),
}
BASE = {"class_uid": "!" + INT, "class_name": STR, "category_uid": "!" + INT, "category_name": STR,
        "activity_id": "!" + INT, "activity_name": STR, "type_uid": "!" + INT, "severity_id": "!" + INT,
        "severity": STR, "time": "!" + INT, "message": STR, "status_id": INT, "status": STR, "status_code": STR, "metadata": "!metadata",
        "device": "device", "actor": "actor", "unmapped": None}
SYSTEM = dict(BASE, device="!device", actor="!actor")
NETWORK = dict(BASE, src_endpoint="network_endpoint", dst_endpoint="network_endpoint")
# class_uid: name, category_uid, activity_ids with their names, attributes, of which one at least.
CLASSES = {
    0: ("Base Event", 0, {0: "Unknown"}, BASE, ()),
    1001: ("File System Activity", 1, {1: "Create", 2: "Read", 3: "Update", 4: "Delete", 5: "Rename", 6: "Set Attributes",
                                       7: "Set Security", 8: "Get Attributes", 9: "Get Security", 12: "Mount",
                                       13: "Unmount", 14: "Open"},
           dict(SYSTEM, file="!file", file_result="file"), ()),
    1002: ("Kernel Extension Activity", 1, {1: "Load", 2: "Unload"}, dict(SYSTEM, driver="!kernel_driver"), ()),
    1004: ("Memory Activity", 1, {1: "Allocate Page", 2: "Modify Page", 3: "Delete Page", 7: "Read", 8: "Write"},
           dict(SYSTEM, process="!process", base_address=STR, size=INT, requested_permissions=INT), ()),
    1005: ("Module Activity", 1, {1: "Load", 2: "Unload", 3: "Invoke"}, dict(SYSTEM, module="!module"), ()),
    1007: ("Process Activity", 1, {1: "Launch", 2: "Terminate", 3: "Open", 4: "Inject", 5: "Set User ID"},
           dict(SYSTEM, process="!process", exit_code=INT, launch_type_id=INT, injection_type_id=INT,
                injection_type=STR), ()),
    1009: ("Script Activity", 1, {1: "Execute"}, dict(SYSTEM, script="!script"), ()),
    4001: ("Network Activity", 4, {1: "Open", 2: "Close", 3: "Reset", 4: "Fail", 5: "Refuse", 6: "Traffic", 7: "Listen"},
           dict(NETWORK, url="url"), ("dst_endpoint", "src_endpoint")),
    4003: ("DNS Activity", 4, {1: "Query", 2: "Response", 6: "Traffic"}, dict(NETWORK, query="dns_query"),
           ("dst_endpoint", "src_endpoint")),
}
# Values of enumerations; 99 is "Other", and then the string beside it says what.
ENUMS = {"severity_id": {0, 1, 2, 3, 4, 5, 6, 99}, "status_id": {0, 1, 2, 99}, "launch_type_id": {0, 1, 2, 3, 99},
         "injection_type_id": {0, 1, 2, 3, 99}, "load_type_id": {0, 1, 2, 3, 4, 5, 99},
         "type_id": set(range(16)) | {99}}
BESIDE = {"activity_id": "activity_name", "injection_type_id": "injection_type", "status_id": "status",
          "severity_id": "severity", "load_type_id": "load_type", "launch_type_id": "launch_type", "type_id": "type"}
# What the string beside an enumeration's value has to be.
CAPTIONS = {"status_id": {0: "Unknown", 1: "Success", 2: "Failure"}}
# Attributes that a profile brings, which metadata.profiles has to name.
PROFILES = {"container": "container", "namespace_pid": "container"}


def ocsf_value(kind, value, where, profiles):
    if kind in OBJECTS:
        if not isinstance(value, dict):
            yield "%s: %r is no object" % (where, value)
        else:
            attributes, one_of = OBJECTS[kind]
            yield from ocsf_object(attributes, one_of, value, where, profiles)
    elif kind in (STR, IP_T):
        if not isinstance(value, str) or (kind == IP_T and not is_type(IP, value)):
            yield "%s: %r is no %s" % (where, value, kind)
    elif kind == BOOL:
        if not isinstance(value, bool):
            yield "%s: %r is no %s" % (where, value, kind)
    elif not is_type(LONG, value) or (kind == PORT and not 0 <= value < 65536):
        yield "%s: %r is no %s" % (where, value, kind)


def ocsf_object(attributes, one_of, record, where, profiles):
    for name, kind in attributes.items():
        if isinstance(kind, str) and kind.startswith("!") and name not in record:
            yield "%s: no %s" % (where, name)
    if one_of and not any(name in record for name in one_of):
        yield "%s: none of %s" % (where, ", ".join(one_of))
    for name, value in record.items():
        at = "%s.%s" % (where, name)
        if name not in attributes:
            yield "%s is not in the schema" % at
            continue
        kind = attributes[name]
        if kind is None:
            continue
        if isinstance(kind, list):
            for item in value:
                yield from ocsf_value(kind[0], item, at, profiles)
            continue
        yield from ocsf_value(kind.lstrip("!"), value, at, profiles)
        if name in ENUMS and value not in ENUMS[name]:
            yield "%s: %r is not a value of it" % (at, value)
        if name in CAPTIONS and record.get(BESIDE[name], CAPTIONS[name].get(value)) != CAPTIONS[name].get(value):
            yield "%s is %r, and %s %r" % (at, value, BESIDE[name], record.get(BESIDE[name]))
        if value == 99 and name in BESIDE and not record.get(BESIDE[name]):
            yield "%s is 99 and %s does not say what" % (at, BESIDE[name])
        if PROFILES.get(name, "host") not in profiles:
            yield "%s: its profile is not named" % at


def ocsf_problems(record):
    """What the schema says against a record."""
    if record.get("class_uid") not in CLASSES:
        yield "class_uid %r is none we write" % record.get("class_uid")
        return
    name, category, activities, attributes, one_of = CLASSES[record["class_uid"]]
    yield from ocsf_object(attributes, one_of, record, "record", record.get("metadata", {}).get("profiles", []))
    if (record.get("class_name"), record.get("category_uid")) != (name, category):
        yield "class_name %r, category_uid %r" % (record.get("class_name"), record.get("category_uid"))
    activity = record.get("activity_id")
    if activity != 99 and activities.get(activity) != record.get("activity_name"):
        yield "activity %r is not called %r" % (activity, record.get("activity_name"))
    if record.get("type_uid") != record["class_uid"] * 100 + (activity or 0):
        yield "type_uid %r" % record.get("type_uid")
