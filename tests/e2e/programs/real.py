# SPDX-License-Identifier: GPL-2.0-only
"""Real operations of the standard library that raise audit events, in the directory argv[1].

Everything is deterministic: with and without a hook the same events come in the same order. A step
that this platform or version cannot do is left out by looking for the function first; any exception
that is not expected ends the program."""
import array
import ctypes
import errno
import fcntl
import gc
import glob
import importlib
import logging
import marshal
import mmap
import os
import pathlib
import pickle
import resource
import shutil
import signal
import socket
import subprocess
import sys
import syslog
import tempfile
import threading
import time
import types
import urllib.request

import hooklog

try:
    import sqlite3
except ImportError:
    sqlite3 = None


def tolerate(*numbers):
    """A context in which these errno values are expected: containers forbid many things."""
    class Tolerate:
        def __enter__(self):
            return self

        def __exit__(self, kind, value, trace):
            return isinstance(value, OSError) and value.errno in numbers
    return Tolerate()


class MyPath:
    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return self.path


def files():
    for mode in ("w", "r", "a", "rb", "r+", "wb", "ab", "w+b"):
        open("plain", mode).close()
    open("exclusive", "x").close()
    open(b"bytes name", "w").close()
    open(MyPath("path like"), "w").close()
    open(pathlib.Path("pure"), "w", encoding="utf-8").close()
    open("caf\xe9 \u4e2d \U0001f40d", "w").close()
    open(b"not \xff utf-8", "w").close()
    open(os.fsdecode(b"not \xff utf-8")).close()
    for path in ("absent", "no/such/dir"):
        try:
            open(path)
        except FileNotFoundError:
            pass
    fd = os.open("plain", os.O_RDWR | os.O_CLOEXEC)
    open(fd, "r+", closefd=False).close()
    os.ftruncate(fd, 10)
    os.fchmod(fd, 0o600)
    os.fchown(fd, -1, -1)
    with tolerate(errno.EAGAIN, errno.EACCES):
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.lockf(fd, os.F_ULOCK, 0)
    fcntl.flock(fd, fcntl.LOCK_SH)
    fcntl.fcntl(fd, fcntl.F_GETFD)
    fcntl.fcntl(fd, fcntl.F_SETFD, 1)
    with tolerate(errno.ENOTTY):
        fcntl.ioctl(fd, 0x5413, b"\0" * 8)
    with mmap.mmap(fd, 10, access=mmap.ACCESS_READ):
        pass
    mmap.mmap(-1, 4096).close()
    os.close(fd)


def directories():
    os.mkdir("d", 0o755)
    os.mkdir(b"d/bytes")
    os.makedirs("d/a/b/c", exist_ok=True)
    os.listdir("d")
    os.listdir(b"d")
    os.listdir()
    fd = os.open("d", os.O_RDONLY | os.O_DIRECTORY)
    os.listdir(fd)
    os.mkdir("at", dir_fd=fd)
    os.rmdir("at", dir_fd=fd)
    with os.scandir("d") as entries:
        list(entries)
    with os.scandir() as entries:
        list(entries)
    os.fchdir(fd)
    os.close(fd)
    os.chdir("..")
    os.chdir(b".")
    list(os.walk("d"))
    list(os.fwalk("d"))
    list(glob.iglob("d/*"))
    glob.glob("d/**", recursive=True)
    glob.glob(b"d/*")
    list(pathlib.Path("d").glob("*"))
    list(pathlib.Path("d").rglob("x*"))
    os.rmdir(MyPath("d/a/b/c"))
    os.removedirs("d/a/b")


def names():
    open("n1", "w").close()
    os.rename("n1", "n2")
    os.replace(b"n2", b"n3")
    os.link("n3", "hard")
    os.symlink("n3", "soft")
    os.symlink("d", "soft dir", target_is_directory=True)
    os.chmod("n3", 0o640)
    os.chmod(MyPath("n3"), 0o600)
    os.chown("n3", -1, -1)
    os.lchown("soft", -1, -1)
    os.utime("n3")
    os.utime("n3", (1, 2.5))
    os.utime("n3", ns=(10 ** 18, 5))
    os.utime("soft", (1, 1), follow_symlinks=False)
    os.truncate("n3", 1 << 33)
    with tolerate(errno.ENOTSUP, errno.EPERM, errno.ENODATA):
        os.setxattr("n3", "user.e2e", b"value\0\xff")
        os.getxattr("n3", "user.e2e")
        os.listxattr("n3")
        os.removexattr("n3", "user.e2e")
    pathlib.Path("n3").rename("n4")
    pathlib.Path("n4").unlink()
    os.remove("hard")
    os.unlink(b"soft")
    os.remove("soft dir")


def copies():
    pathlib.Path("from").write_text("text")
    shutil.copy("from", "to")
    shutil.copy2(pathlib.Path("from"), b"to".decode())
    shutil.copymode("from", "to")
    shutil.copystat("from", "to")
    shutil.copyfile(MyPath("from"), "to")
    shutil.copytree("d", "tree")
    shutil.move("tree", "moved")
    shutil.make_archive("archive", "tar", "moved")
    shutil.unpack_archive("archive.tar", "unpacked")
    shutil.chown("to", os.getuid())
    shutil.rmtree("moved")
    shutil.rmtree(pathlib.Path("unpacked"))


def temporary():
    tempfile.tempdir = "."
    fd, name = tempfile.mkstemp()
    os.close(fd)
    os.remove(name)
    os.rmdir(tempfile.mkdtemp(suffix=".e2e"))
    with tempfile.TemporaryDirectory():
        pass
    with tempfile.NamedTemporaryFile():
        pass


def sockets():
    for family, address in ((socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_INET6, ("::1", 0))):
        with tolerate(errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL), socket.socket(family) as server:
            server.bind(address)
            server.listen(1)
            client = socket.socket(family, socket.SOCK_STREAM)
            client.connect(server.getsockname())
            server.accept()[0].close()
            client.close()
            with socket.socket(family, socket.SOCK_DGRAM) as datagram:
                datagram.sendto(b"x", (address[0], 9))
                with tolerate(errno.ECONNREFUSED):
                    datagram.sendmsg([b"x"], [], 0, (address[0], 9))
                with tolerate(errno.ECONNREFUSED):
                    datagram.connect_ex((address[0], 9, 0, 0) if family == socket.AF_INET6 else (address[0], 9))
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind("unix.sock")
        server.listen(1)
        client.connect("unix.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(b"\0e2e-abstract-%d" % os.getpid())
    left, right = socket.socketpair()
    left.sendmsg([b"x"])
    left.close()
    right.close()
    socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
    socket.getaddrinfo(b"::1", "80", flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV)
    socket.getaddrinfo(None, 0, proto=socket.IPPROTO_TCP)
    socket.getnameinfo(("127.0.0.1", 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
    socket.gethostname()
    socket.gethostbyname("127.0.0.1")
    socket.getservbyname("http")
    socket.getservbyname("http", "tcp")
    socket.getservbyport(80)


def processes():
    subprocess.run(["/bin/true"], check=True)
    subprocess.run([b"/bin/true", "arg", MyPath("path")], cwd=MyPath("."), env={"A": "1", "B": "caf\xe9"}, check=True)
    subprocess.run("exit 0", shell=True, check=True, cwd=b".", env={b"K": b"\xff"})
    subprocess.run(["true"], executable=pathlib.Path("/bin/true"), env=os.environ, check=True)
    try:
        subprocess.Popen(["./no such program"])
    except FileNotFoundError:
        pass
    os.system("exit 0")
    os.system(b"true")
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {"A": "b"}), 0)
    os.waitpid(os.posix_spawnp("true", ("true", "x"), os.environ), 0)
    os.waitpid(os.spawnv(os.P_NOWAIT, "/bin/true", ["true"]), 0)
    pid = os.fork()
    if pid == 0:
        try:
            os.execve("/no such program", ["a", "b"], {"C": "d"})
        except OSError:
            os.execvp("true", ("true", "from fork"))
    os.waitpid(pid, 0)
    os.kill(os.getpid(), 0)
    with tolerate(errno.ESRCH):
        os.killpg(1 << 30, 0)
    signal.pthread_kill(threading.get_ident(), 0)
    os.putenv("E2E_PUT", "caf\xe9")
    os.unsetenv("E2E_PUT")
    os.environ["E2E_SET"] = "value"
    del os.environ["E2E_SET"]
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    resource.prlimit(0, resource.RLIMIT_CORE, (0, hard))


def code():
    compile("a = 1\n" * 200, "compiled.py", "exec")
    compile(b"1", b"bytes.py", "eval")
    tree = compile("x = 1", "<tree>", "exec", 1024)
    exec(compile(tree, "<tree>", "exec"), {})
    eval("1 + 1")
    exec("y = 2", {})
    pathlib.Path("fresh_module.py").write_text("VALUE = 1\ndef f():\n    return VALUE\n")
    sys.path.insert(0, os.getcwd())
    importlib.invalidate_caches()
    module = importlib.import_module("fresh_module")
    importlib.reload(module)
    try:
        importlib.import_module("no_such_module.at_all")
    except ImportError:
        pass
    sys.path.pop(0)
    data = marshal.dumps(code.__code__)
    marshal.loads(data)
    marshal.loads(marshal.dumps([1, "x" * 2000]))
    code.__code__.replace(co_name="renamed")
    types.FunctionType(code.__code__, {})
    pickle.loads(pickle.dumps((array.array("i", [1]), MyPath("x"), ValueError)))
    pickle._loads(pickle.dumps(MyPath("y")))
    array.array("b", b"text")
    array.array("d", [1.0, 2.0])


def introspection():
    def victim(a=1):
        return a
    victim.__code__ = (lambda a=1: a).__code__
    victim.__defaults__ = (2,)
    victim.__kwdefaults__ = {"k": 1}
    del victim.__defaults__
    victim.__code__

    class A:
        pass

    class B(A):
        pass

    class C:
        pass

    B.__name__ = "Renamed"
    B.__bases__ = (A,)
    B().__class__ = B
    id(B)
    sys._getframe().f_code
    sys._getframe(1)
    sys._current_frames()
    if hasattr(sys, "_current_exceptions"):
        sys._current_exceptions()
    gc.get_objects(generation=0)
    gc.get_referrers(B)
    gc.get_referents(A, [C])
    sys.settrace(None)
    sys.setprofile(None)
    sys.unraisablehook = lambda args: None

    class Finalised:
        def __del__(self):
            raise ValueError("in __del__")
    Finalised()
    sys.unraisablehook = sys.__unraisablehook__
    try:
        raise ValueError("logged")
    except ValueError:
        logging.getLogger("e2e").debug("debug", exc_info=True)
    sys.breakpointhook
    time.sleep(0)
    time.sleep(0.001)


def libraries():
    ctypes.CDLL(None)
    ctypes.CDLL("libc.so.6").getpid
    buffer = ctypes.create_string_buffer(b"buffer")
    ctypes.addressof(buffer)
    ctypes.string_at(buffer, 6)
    ctypes.wstring_at(ctypes.create_unicode_buffer("wide"), 4)
    ctypes.c_int.from_buffer(bytearray(8))
    ctypes.get_errno()
    ctypes.set_errno(3)
    ctypes.cast(buffer, ctypes.c_void_p)
    ctypes.CDLL(None).getuid()
    try:
        ctypes.CDLL("/no/such/library.so")
    except OSError:
        pass
    ctypes.c_int.in_dll(ctypes.pythonapi, "Py_OptimizeFlag")
    if sqlite3:
        sqlite3.connect(":memory:").close()
        sqlite3.connect(pathlib.Path("database")).close()
        sqlite3.connect(b"caf\xc3\xa9.db".decode()).close()
    syslog.openlog("e2e", syslog.LOG_PID, syslog.LOG_USER)
    syslog.setlogmask(syslog.LOG_UPTO(syslog.LOG_ERR))
    syslog.closelog()
    request = urllib.request.Request("file:///etc/hostname", headers={"X": "y"})
    urllib.request.urlopen(request).close()
    urllib.request.Request("http://127.0.0.1:9/", data=b"body", method="PUT")


def in_a_thread():
    thread = threading.Thread(target=eval, args=("2 + 2",))
    thread.start()
    thread.join()


STEPS = (files, directories, names, copies, temporary, sockets, processes, code, introspection, libraries,
         in_a_thread)


def main():
    os.chdir(sys.argv[1])
    for name in ("E2E_LOG", "E2E_CLIP"):  # the environment is an argument of some events
        os.environ.pop(name, None)
    hooklog.begin()
    for step in STEPS:
        sys.audit("real.step", step.__name__)
        step()
    hooklog.end()


if __name__ == "__main__":
    main()
