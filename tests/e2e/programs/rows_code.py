# SPDX-License-Identifier: GPL-2.0-only
"""Events of the interpreter and its memory: code, objects, modules, foreign functions, databases."""
import array
import gc
import importlib
import marshal
import os
import pathlib
import pdb
import pickle
import sys
import time
import types

from rows_report import attempt, cannot, has

try:
    import _ctypes
    import ctypes
except ImportError:
    ctypes = None
try:
    import sqlite3
except ImportError:
    sqlite3 = None
try:
    import ensurepip
except ImportError:
    ensurepip = None


def victim(a=1):
    return a


def code():
    tree = compile("x = 1", "<tree>", "exec", 1024)
    exec(compile(tree, "<tree>", "exec"), {})
    eval("1 + 1")
    data = marshal.dumps([victim.__code__, "text"])
    marshal.loads(data)
    with open("marshalled", "wb") as f:
        marshal.dump(1, f)
    with open("marshalled", "rb") as f:
        marshal.load(f)
    victim.__code__.replace(co_name="renamed")
    types.FunctionType(victim.__code__, {})
    pickle.loads(pickle.dumps(pathlib.PurePosixPath))
    pickle._loads(pickle.dumps(pathlib.PurePosixPath))
    pathlib.Path("fresh_module.py").write_text("VALUE = 1\n")
    sys.path.insert(0, os.getcwd())
    importlib.invalidate_caches()
    importlib.import_module("fresh_module")
    sys.path.pop(0)
    array.array("b", b"text")


def objects():
    class A:
        pass

    victim.__code__ = (lambda a=1: a).__code__
    victim.__defaults__ = (2,)
    del victim.__defaults__
    victim.__kwdefaults__
    A.__name__ = "Renamed"
    id(A)
    sys._getframe().f_code
    gc.get_objects(generation=0)
    gc.get_referrers(A)
    gc.get_referents(A, [A])


class Finalised:
    def __del__(self):
        raise ValueError("in __del__")


def system():
    sys._current_frames()
    if hasattr(sys, "_current_exceptions"):
        sys._current_exceptions()
    if hasattr(sys, "_getframemodulename"):
        sys._getframemodulename(0)
    sys.settrace(None)
    sys.setprofile(None)
    sys.set_asyncgen_hooks(firstiter=None, finalizer=None)
    sys.unraisablehook = lambda args: None
    Finalised()
    sys.unraisablehook = sys.__unraisablehook__
    time.sleep(0)
    time.sleep(0.001)
    os.environ["PYTHONBREAKPOINT"] = "0"
    breakpoint()
    del os.environ["PYTHONBREAKPOINT"]
    os.putenv("ROWS_PUT", "caf\xe9")
    os.unsetenv("ROWS_PUT")
    pdb.Pdb(readrc=False, nosigint=True)
    if hasattr(os, "_clearenv"):
        kept = dict(os.environ)
        os.environ.clear()
        os.environ.update(kept)
    if sys.version_info >= (3, 12):
        monitoring = sys.monitoring
        monitoring.use_tool_id(4, "e2e")
        monitoring.register_callback(4, monitoring.events.LINE, victim)
        monitoring.register_callback(4, monitoring.events.LINE, None)
        monitoring.free_tool_id(4)


FOREIGN = ("PyObj_FromPtr", "addressof", "call_function", "cdata", "cdata/buffer", "create_string_buffer",
           "create_unicode_buffer", "dlopen", "dlsym", "dlsym/handle", "get_errno", "memoryview_at",
           "set_errno", "string_at", "wstring_at")


def foreign():
    if ctypes is None:
        cannot("setopencodehook", "cpython.PyConfig_Set", *("ctypes." + name for name in FOREIGN),
               why="built without ctypes")
        return
    libc = ctypes.CDLL("libc.so.6")
    libc.getpid()
    text = ctypes.create_string_buffer(b"text")
    address = ctypes.addressof(text)
    ctypes.c_int.from_address(address)
    ctypes.c_int.from_buffer(bytearray(8))
    ctypes.c_int.from_buffer_copy(bytes(8), 4)
    ctypes.string_at(text, 4)
    ctypes.wstring_at(ctypes.create_unicode_buffer("wide"), 4)
    if hasattr(ctypes, "memoryview_at"):
        ctypes.memoryview_at(address, 4)
    ctypes.set_errno(2)
    ctypes.get_errno()
    ctypes.c_int.in_dll(ctypes.pythonapi, "Py_OptimizeFlag")
    function = _ctypes.dlsym(libc._handle, "getpid")
    _ctypes.call_function(function, ())
    _ctypes.call_cdeclfunction(function, ())
    _ctypes.PyObj_FromPtr(id(victim))
    # NULL is what it is already
    set_hook = ctypes.pythonapi.PyFile_SetOpenCodeHook
    set_hook.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    set_hook(None, None)
    if sys.version_info >= (3, 14):
        set_config = ctypes.pythonapi.PyConfig_Set
        set_config.argtypes = [ctypes.c_char_p, ctypes.py_object]
        with attempt(ValueError, TypeError):
            set_config(b"int_max_str_digits", sys.get_int_max_str_digits())


def databases():
    if sqlite3 is None:
        cannot("sqlite3.connect", "sqlite3.connect/handle", "sqlite3.enable_load_extension",
               "sqlite3.load_extension", why="built without sqlite3")
        return
    connection = sqlite3.connect(":memory:")
    if has(sqlite3.Connection, "enable_load_extension", "sqlite3.enable_load_extension", "sqlite3.load_extension",
           why="sqlite3 was built without loadable extensions"):
        connection.enable_load_extension(True)
        with attempt(sqlite3.OperationalError):
            connection.load_extension("no/such/extension")
        connection.enable_load_extension(False)
    connection.close()


class Stop(Exception):
    pass


def stop():
    raise Stop


def installer():
    """ensurepip, up to its first act after the event."""
    if ensurepip is None:
        cannot("ensurepip.bootstrap", why="there is no module ensurepip")
        return
    ensurepip._disable_pip_configuration_settings = stop
    try:
        ensurepip._bootstrap(root="/nowhere")
    except Stop:
        pass
    except SystemExit:
        cannot("ensurepip.bootstrap", why="the distribution has disabled ensurepip")


STEPS = (code, objects, system, foreign, databases, installer)
