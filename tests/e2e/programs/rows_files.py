# SPDX-License-Identifier: GPL-2.0-only
"""Events of files, directories and what is in them."""
import fcntl
import glob
import mmap
import os
import pathlib
import shutil
import sys
import tempfile

from rows_report import attempt, has


def files():
    open("plain", "w").close()
    open(b"bytes", "wb").close()
    fd = os.open("plain", os.O_RDWR | os.O_CREAT, 0o600)
    os.truncate("plain", 10)
    os.ftruncate(fd, 4096)
    os.chmod("plain", 0o640)
    os.fchmod(fd, 0o600)
    os.chown("plain", os.getuid(), os.getgid())
    os.fchown(fd, -1, -1)
    os.lchown("plain", -1, -1)
    if has(os, "chflags", "os.chflags", why="Linux has no chflags()"):
        os.chflags("plain", 0)
    os.utime("plain", (1, 2.5))
    os.utime(fd, ns=(1, 2))
    os.lockf(fd, os.F_TEST, 0)
    fcntl.fcntl(fd, fcntl.F_GETFD)
    fcntl.flock(fd, fcntl.LOCK_SH)
    fcntl.lockf(fd, fcntl.LOCK_UN, 1, 2)
    with attempt():
        fcntl.ioctl(fd, 0x5413, bytes(8))  # TIOCGWINSZ
    mmap.mmap(fd, 4096, access=mmap.ACCESS_READ).close()
    with attempt():
        os.setxattr("plain", "user.e2e", b"value\xff")
    with attempt():
        os.getxattr("plain", "user.e2e")
    with attempt():
        os.listxattr("plain")
    with attempt():
        os.removexattr(fd, b"user.e2e")
    os.close(fd)


def directories():
    os.mkdir("dir", 0o755)
    os.mkdir(b"dir/bytes")
    os.listdir("dir")
    os.listdir()
    with os.scandir("dir") as entries:
        list(entries)
    os.chdir("dir")
    os.chdir(b"..")
    fd = os.open(".", os.O_RDONLY)
    os.fchdir(fd)
    list(os.fwalk("dir", dir_fd=fd))
    os.close(fd)
    list(os.walk("dir"))
    os.rmdir(b"dir/bytes")
    os.symlink("plain", "soft")
    os.link("plain", "hard")
    os.rename("hard", b"renamed")
    os.replace("renamed", "hard")
    os.remove("hard")
    os.unlink(b"soft")


def names():
    glob.glob("*.py")
    list(glob.iglob(b"d*", recursive=True))
    if sys.version_info >= (3, 10):
        glob.glob("*", root_dir="dir")
    path = pathlib.Path("dir")
    list(path.glob("*"))
    list(path.rglob("*.py"))
    if hasattr(path, "walk"):
        list(path.walk())
    tempfile.tempdir = "."
    os.rmdir(tempfile.mkdtemp())
    fd, name = tempfile.mkstemp()
    os.close(fd)
    os.remove(name)


def copies():
    path = pathlib.Path("from")
    path.write_text("text")
    os.mkdir("tree")
    shutil.copy2(path, "tree/file")  # copyfile and copystat
    shutil.copymode(path, "tree/file")
    shutil.chown(path, os.getuid())
    shutil.copytree("tree", pathlib.Path("copied"))
    shutil.move("copied", "moved")
    shutil.make_archive("archive", "tar", "moved")
    shutil.unpack_archive("archive.tar", "unpacked")
    shutil.rmtree("moved")
    shutil.rmtree(pathlib.Path("unpacked"))


STEPS = (files, directories, names, copies)
