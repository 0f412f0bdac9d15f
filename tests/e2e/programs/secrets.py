# SPDX-License-Identifier: GPL-2.0-only
"""Hands a secret, its last argument, on in all the ways that are redacted by default."""
import http.client
import http.server
import os
import subprocess
import sys
import threading
import urllib.request

SECRET = sys.argv[-1]
PROGRAM = ["/bin/true", "--password", SECRET, "--token=" + SECRET, "https://user:%s@localhost/" % SECRET]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


def start_programs():
    env = dict(os.environ, E2E_SECRET=SECRET)
    subprocess.run(PROGRAM, env=env, check=True)
    os.environ["E2E_SECRET"] = SECRET
    subprocess.run(PROGRAM, env=os.environ, check=True, close_fds=False)
    os.waitpid(os.posix_spawn(PROGRAM[0], PROGRAM, env), 0)
    os.system("E2E_PASSWORD=%s true --api-key '%s'" % (SECRET, SECRET))
    subprocess.run("true --secret %s" % SECRET, shell=True, check=True)


def ask_server():
    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever).start()
    place = "127.0.0.1:%d" % server.server_port
    connection = http.client.HTTPConnection(place)
    connection.request("GET", "/?access_token=" + SECRET, headers={"Authorization": "Bearer " + SECRET})
    connection.getresponse().read()
    connection.close()
    request = urllib.request.Request("http://%s/?password=%s" % (place, SECRET), headers={"Cookie": SECRET})
    urllib.request.urlopen(request).close()
    server.shutdown()
    server.server_close()


class Server:
    """What the protocols' clients take for themselves."""


def log_in():
    sys.audit("ftplib.sendcmd", Server(), "PASS " + SECRET)
    sys.audit("poplib.putline", Server(), b"PASS " + SECRET.encode())
    sys.audit("imaplib.send", Server(), b'A1 LOGIN me "%s"\r\n' % SECRET.encode())
    sys.audit("smtplib.send", Server(), "AUTH PLAIN %s\r\n" % SECRET)


start_programs()
ask_server()
log_in()
