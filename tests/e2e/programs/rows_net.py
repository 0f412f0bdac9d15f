# SPDX-License-Identifier: GPL-2.0-only
"""Events of sockets, and of the clients that the standard library has for servers. The servers are
threads that know their lines."""
import ftplib
import http.client
import imaplib
import poplib
import random
import smtplib
import socket
import threading
import urllib.request
import webbrowser

from rows_report import attempt

try:
    import nntplib
    import telnetlib
except ImportError:  # gone in 3.13
    nntplib = telnetlib = None

try:
    import ctypes
    ctypes.CDLL("libgcc_s.so.1")  # else the first thread to end opens it, and takes a number that a socket may get
except (ImportError, OSError):
    pass

HOST = "127.0.0.1"
LIMIT = 10


def read_line(connection):
    line = b""
    while not line.endswith(b"\n"):
        data = connection.recv(1)
        if not data:
            break
        line += data
    return line


class Server:
    """Greets the one client it has, and answers each of its lines with the next answer; %s stands for
    the line's first word. An answer None: the line needs none."""

    def __init__(self, greeting, *answers):
        self.greeting, self.answers = greeting, answers
        self.socket = socket.socket()
        self.socket.bind((HOST, 0))
        self.socket.listen(1)
        self.socket.settimeout(LIMIT)
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.run)

    def run(self):
        connection = self.socket.accept()[0]
        connection.settimeout(LIMIT)
        connection.sendall(self.greeting)
        for answer in self.answers:
            line = read_line(connection)
            if not line:
                break
            if answer is not None:
                connection.sendall(answer.replace(b"%s", line.split(None, 1)[0] if line.split() else b""))
        connection.close()

    def __enter__(self):
        self.thread.start()
        return self.port

    def __exit__(self, *error):
        self.thread.join()
        self.socket.close()


def sockets():
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    server.bind((HOST, 0))
    server.listen(1)
    client = socket.socket()
    client.connect(server.getsockname())
    server.accept()[0].close()
    client.close()
    server.close()
    datagram = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    datagram.bind("datagram.sock")
    datagram.sendto(b"data", "datagram.sock")
    datagram.sendmsg([b"data"], [], 0, b"datagram.sock")
    datagram.connect_ex("datagram.sock")
    datagram.sendmsg([b"data"])
    datagram.close()


def resolver():
    """Addresses and names that need no name server."""
    socket.getaddrinfo(HOST, 80, socket.AF_INET, socket.SOCK_STREAM)
    socket.getnameinfo((HOST, 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
    socket.gethostbyname(HOST)
    socket.gethostbyname_ex("localhost")
    with attempt():
        socket.gethostbyaddr(HOST)
    with attempt():
        socket.getservbyname("http")
    with attempt():
        socket.getservbyport(80, "tcp")
    name = socket.gethostname()
    with attempt():  # root only
        socket.sethostname(name)


def mail():
    random.seed(0)  # of the tags
    with Server(b"* OK e2e\r\n", b"* CAPABILITY IMAP4REV1\r\n%s OK done\r\n", b"%s OK done\r\n",
                b"* BYE\r\n%s OK bye\r\n") as port:
        client = imaplib.IMAP4(HOST, port)
        client.noop()
        client.logout()
    with Server(b"+OK e2e\r\n", b"+OK\r\n", b"+OK\r\n") as port:
        client = poplib.POP3(HOST, port, timeout=LIMIT)
        client.user("somebody")
        client.quit()
    with Server(b"220 e2e\r\n", b"250 e2e\r\n", b"250 ok\r\n", b"221 bye\r\n") as port:
        client = smtplib.SMTP(HOST, port, local_hostname="e2e", timeout=LIMIT)
        client.ehlo()
        client.noop()
        client.quit()


def news():
    if nntplib is None:
        return
    with Server(b"200 e2e\r\n", b"101 capabilities\r\nVERSION 2\r\nREADER\r\n.\r\n", b"205 bye\r\n") as port:
        nntplib.NNTP(HOST, port, timeout=LIMIT).quit()
    with Server(b"login: ", b"bye\r\n") as port:
        client = telnetlib.Telnet(HOST, port, LIMIT)
        client.write(b"nobody\r\n")
        client.read_all()
        client.close()


def web():
    with Server(b"220 e2e\r\n", b"331 password\r\n", b"230 in\r\n", b"221 bye\r\n") as port:
        client = ftplib.FTP(timeout=LIMIT)
        client.connect(HOST, port)
        client.login("somebody", "secret")
        client.quit()
    # one client's request is three lines here and the empty one
    with Server(b"", None, None, None, b"HTTP/1.0 204 No Content\r\n\r\n") as port:
        client = http.client.HTTPConnection(HOST, port, timeout=LIMIT)
        client.request("GET", "/", headers={"Host": "e2e"})
        client.getresponse().read()
        client.close()
    urllib.request.urlopen("data:text/plain,text").close()
    webbrowser.register("e2e", None, webbrowser.GenericBrowser(["/bin/true", "%s"]), preferred=True)
    webbrowser.open("http://127.0.0.1/")


STEPS = (sockets, resolver, mail, news, web)
