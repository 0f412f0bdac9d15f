# SPDX-License-Identifier: GPL-2.0-only
"""A receiver of OTLP logs that does what a test tells it to, and what it got, decoded.

The decoder here reads the wire format by itself, so that a hundred thousand records take seconds; that
it is what the official .proto says, protoc is asked in test_otlp.Judge.
"""
import contextlib
import gzip
import http.server
import json
import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

PATH = "/v1/logs"
LOGS = "opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest"
LOGS_PROTO = "opentelemetry/proto/collector/logs/v1/logs_service.proto"


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def fields(data):
    """(number, value) of each field of a message; bytes, or an int."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 1:
            value, at = struct.unpack_from("<Q", data, at)[0], at + 8
        elif kind == 5:
            value, at = struct.unpack_from("<I", data, at)[0], at + 4
        elif kind == 2:
            length, at = varint(data, at)
            value, at = bytes(data[at:at + length]), at + length
            if len(value) != length:
                raise ValueError("a field is cut short")
        else:
            raise ValueError("wire type %d" % kind)
        yield tag >> 3, value


def any_value(data):
    for number, value in fields(data):
        if number == 1:
            return value.decode("utf-8")
        if number == 2:
            return bool(value)
        if number == 3:
            return value - (1 << 64) if value >> 63 else value
        if number == 4:
            return struct.unpack("<d", struct.pack("<Q", value))[0]
        raise ValueError("AnyValue field %d" % number)
    return None


def key_value(data):
    parts = dict(fields(data))
    return parts[1].decode("utf-8"), any_value(parts[2])


def unique(pairs):
    found = {}
    for key, value in pairs:
        if key in found:
            raise ValueError("attribute %r twice" % key)
        found[key] = value
    return found


class Record:
    def __init__(self, resource, scope, name, time, observed, severity, body, attributes, dropped=0, span=None):
        self.resource, self.scope, self.name = resource, scope, name
        self.time, self.observed, self.severity = time, observed, severity
        self.body, self.attributes, self.dropped = body, attributes, dropped
        self.span = span  # (trace id, span id, flags), ids in hexadecimal digits; None: of none

    def event(self):
        return self.attributes.get("pyaudit.event")


def protobuf_record(data, resource, scope):
    one, attributes = {}, []
    for number, value in fields(data):
        if number == 6:
            attributes.append(key_value(value))
        elif number in one:
            raise ValueError("LogRecord field %d twice" % number)
        else:
            one[number] = value
    return Record(resource, scope, one[12].decode(), one[1], one[11], one[2],
                  any_value(one[5]) if 5 in one else None, unique(attributes), one.get(7, 0),
                  (one[9].hex(), one[10].hex(), one[8]) if {8, 9, 10} & set(one) else None)


def decode_protobuf(body):
    for number, group in fields(body):
        assert number == 1, number
        resource, scope, logs = None, None, []
        for part, value in fields(group):
            if part == 1:
                resource = unique(key_value(v) for n, v in fields(value))
            elif part == 2:
                for n, v in fields(value):
                    if n == 1:
                        scope = {k: x.decode() for k, x in fields(v)}
                    elif n == 2:
                        logs.append(v)
        for log in logs:
            yield protobuf_record(log, resource, scope)


def json_value(value):
    (kind, inner), = value.items()
    return {"stringValue": str, "boolValue": bool, "intValue": int, "doubleValue": float}[kind](inner)


def json_attributes(items):
    return unique((item["key"], json_value(item["value"])) for item in items)


def decode_json(body):
    for group in json.loads(body)["resourceLogs"]:
        resource = json_attributes(group["resource"]["attributes"])
        for part in group["scopeLogs"]:
            scope = {1: part["scope"]["name"], 2: part["scope"]["version"]}
            for log in part["logRecords"]:
                yield Record(resource, scope, log["eventName"], int(log["timeUnixNano"]),
                             int(log["observedTimeUnixNano"]), log["severityNumber"],
                             json_value(log["body"]) if "body" in log else None,
                             json_attributes(log["attributes"]), log.get("droppedAttributesCount", 0),
                             (log["traceId"], log["spanId"], log.get("flags", 0)) if "traceId" in log else None)


class Request:
    def __init__(self, path, headers, raw, connection):
        self.path, self.headers, self.raw, self.connection = path, headers, raw, connection
        self.time = time.monotonic()
        self.body = gzip.decompress(raw) if headers.get("Content-Encoding") == "gzip" else raw
        self.json = headers.get("Content-Type") == "application/json"

    def records(self):
        return list((decode_json if self.json else decode_protobuf)(self.body))


def partial(rejected, message=""):
    """An ExportLogsServiceResponse with a partial success."""
    inner = b"\x08" + bytes([rejected]) + (b"\x12" + bytes([len(message)]) + message.encode() if message else b"")
    return b"\x0a" + bytes([len(inner)]) + inner


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_POST(self):
        receiver = self.server.receiver
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        request = Request(self.path, self.headers, raw, self.client_address)
        with receiver.lock:
            receiver.requests.append(request)
            answer = receiver.script.pop(0) if receiver.script else receiver.otherwise
        # A request that is answered is one that was taken, also while the receiver is being stopped.
        with contextlib.nullcontext() if getattr(answer, "waits", False) else receiver.gate:
            if answer(self) is not False:
                receiver.taken.append(request)

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", headers=(), kind="application/x-protobuf"):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


# Answers: a function of the handler; False: the request was not taken.

def good(handler):
    handler.answer(200)


def say(status, body=b"", headers=(), kind="application/x-protobuf"):
    def answer(handler):
        handler.answer(status, body, headers, kind)
        return 200 <= status < 300
    return answer


def hang_up(handler):
    """Closes without an answer, with a reset."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()
    return False


def raw(data):
    """Bytes in place of an answer, then the end."""
    def answer(handler):
        handler.wfile.write(data)
        handler.wfile.flush()
        handler.close_connection = True
        return False
    return answer


def wait_for(event, then=good):
    def answer(handler):
        event.wait(60)
        return then(handler)
    answer.waits = True
    return answer


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def handle_error(self, request, address):
        pass

    def get_request(self):
        connection, address = super().get_request()
        self.connections.append(connection)
        return connection, address


class Receiver:
    """requests: all that came; taken: those that were answered with success."""

    def __init__(self, tls=None, port=0):
        self.requests, self.taken, self.script = [], [], []
        self.otherwise = good
        self.lock, self.gate = threading.Lock(), threading.Lock()
        self.tls = tls
        self.server = None
        self.port = port
        self.start()

    def start(self):
        self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.receiver, self.server.connections = self, []
        self.port = self.server.server_address[1]
        if self.tls:
            self.server.socket = self.tls.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        """Nobody is there any more, and connections that stood are gone."""
        self.server.shutdown()
        self.server.server_close()
        with self.gate:
            for connection in self.server.connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    @property
    def url(self):
        return "%s://127.0.0.1:%d" % ("https" if self.tls else "http", self.port)

    def records(self):
        with self.lock:
            taken = list(self.taken)
        return [record for request in taken for record in request.records()]

    def events(self, name=None):
        return [r for r in self.records() if r.event() is not None and name in (None, r.event())]


def certificates(folder):
    """An authority, a server for 127.0.0.1 and a client, by openssl: {name: (certificate, key)}."""
    def run(*args):
        subprocess.run(["openssl", *args], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    made = {}
    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test authority",
        "-keyout", "ca.key", "-out", "ca.pem")
    for name in "server", "client":
        with open(os.path.join(folder, name + ".ext"), "w") as f:
            f.write("subjectAltName=IP:127.0.0.1\n")
        run("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=" + name, "-keyout", name + ".key",
            "-out", name + ".csr")
        run("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", name + ".ext", "-out", name + ".pem")
        made[name] = (os.path.join(folder, name + ".pem"), os.path.join(folder, name + ".key"))
    made["ca"] = os.path.join(folder, "ca.pem")
    return made


def server_tls(made, client=False):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*made["server"])
    if client:
        context.load_verify_locations(made["ca"])
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def cache_folder():
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "pyaudit-trace")


def fetched(installed, package, file):
    """The folder that has the file: the machine's, or where tests/fetch-proto puts the package; or None."""
    for folder in installed, os.path.join(cache_folder(), package):
        if os.path.exists(os.path.join(folder, file)):
            return folder
    return None


def proto_folder():
    """Where the official .proto files are (Debian's package opentelemetry-proto), or None."""
    return fetched("/usr/include", "opentelemetry-proto", LOGS_PROTO)


# The module is generated for any Python 3.10, and has one name from typing_extensions.
JSON_JUDGE = """
import json, sys, typing
sys.modules.setdefault("typing_extensions", typing)
from opentelemetry.proto_json.collector.logs.v1.logs_service import ExportLogsServiceRequest
json.dump(ExportLogsServiceRequest.from_json(sys.stdin.buffer.read()).to_dict(), sys.stdout)
"""


def json_folder():
    """Where the strict decoder of OTLP/JSON is (python3-opentelemetry-proto-json), or None."""
    return fetched("/usr/lib/python3/dist-packages", "python3-opentelemetry-proto-json",
                   "opentelemetry/proto_json/collector/logs/v1/logs_service.py")


def json_judge(folder, body):
    """Decoded and encoded again: keys it does not know are gone, values of another type are an error."""
    return subprocess.run([sys.executable, "-c", JSON_JUDGE], input=body, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False, env=dict(os.environ, PYTHONPATH=folder))


def protoc(folder, message, proto, data, way="--decode"):
    return subprocess.run(["protoc", "-I", folder, "%s=%s" % (way, message), proto], input=data,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)


def have_openssl():
    return shutil.which("openssl")
