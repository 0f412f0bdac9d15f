# SPDX-License-Identifier: GPL-2.0-only
"""Opens a file, connects and starts a program, in one of several ways.

    bypass.py WAY PATH PORT [DIRECTORY]

WAY: python; ctypes (the C library's functions), raw (syscall()), library (DIRECTORY/bypass.so through
ctypes), module (the extension module in DIRECTORY).
"""
import os
import socket
import struct
import sys

way, path, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
sys.audit("e2e.begin", way)

if way == "python":
    def act_open():
        with open(path, "rb"):
            pass

    def act_connect():
        with socket.socket() as s:
            s.connect(("127.0.0.1", port))

    def act_exec():
        import subprocess
        subprocess.call(["/bin/sh", "-c", "exit 0"])
elif way == "module":
    sys.path.insert(0, sys.argv[4])
    import bypass

    def act_open():
        bypass.open(path)

    def act_connect():
        bypass.connect(port)

    def act_exec():
        bypass.exec("/bin/sh")
else:
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    address = struct.pack("=HHI8x", socket.AF_INET, socket.htons(port), socket.htonl(0x7f000001))
    NR_OPENAT, NR_SOCKET, NR_CONNECT, NR_EXECVE, NR_FORK = 257, 41, 42, 59, 57
    argv = (ctypes.c_char_p * 4)(b"/bin/sh", b"-c", b"exit 0", None)
    if way == "library":
        own = ctypes.CDLL(os.path.join(sys.argv[4], "bypass.so"))

        def act_open():
            own.bypass_open(path.encode())

        def act_connect():
            own.bypass_connect(port)

        def act_exec():
            own.bypass_exec(b"/bin/sh")
    elif way == "raw":
        def act_open():
            libc.close(libc.syscall(NR_OPENAT, -100, path.encode(), 0))

        def act_connect():
            s = libc.syscall(NR_SOCKET, 2, 1, 0)
            libc.syscall(NR_CONNECT, s, address, len(address))
            libc.close(s)

        def act_exec():
            pid = libc.syscall(NR_FORK)
            if not pid:
                libc.syscall(NR_EXECVE, b"/bin/sh", argv, None)
                libc._exit(127)
            os.waitpid(pid, 0)
    else:
        def act_open():
            libc.close(libc.open(path.encode(), 0))

        def act_connect():
            s = libc.socket(2, 1, 0)
            libc.connect(s, address, len(address))
            libc.close(s)

        def act_exec():
            pid = libc.fork()
            if not pid:
                libc.execv(b"/bin/sh", argv)
                libc._exit(127)
            os.waitpid(pid, 0)

# The same by Python before and after: what it announces explains nothing that comes later.
with open(path, "rb"):
    pass
act_open()
act_connect()
act_exec()
sys.audit("e2e.end")
