# SPDX-License-Identifier: GPL-2.0-only
"""Takes what an exporter sends and forgets it: receiver.py otlp|syslog|journal FOLDER. Says where, ends with its stdin."""
import http.server
import os
import socket
import sys
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


def take(sock):
    while True:
        sock.recv(1 << 18)


def main():
    kind, folder = sys.argv[1:]
    place = os.path.join(folder, kind)
    if kind == "otlp":
        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        place = "http://127.0.0.1:%d" % server.server_port
        run = server.serve_forever
    else:
        os.mkdir(place)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sock.bind(os.path.join(place, "socket"))
        place += "/socket" * (kind == "syslog")
        run = lambda: take(sock)
    threading.Thread(target=run, daemon=True).start()
    print(place, flush=True)
    sys.stdin.read()


main()
