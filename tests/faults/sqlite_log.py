"""What SQLite asks of the system for the files of one folder, and what the outbox asks itself: writes, syncs, names.

SQLite's own VFS does the work. In front of it stands a copy whose `xOpen` and `xDelete`, and whose files' `xWrite`, `xTruncate`
and `xSync`, are noted first: https://www.sqlite.org/vfs.html. The index of the log (`-shm`) is left out: it is made anew
after a power cut. The library is the one that Python's `sqlite3` uses, so nothing of the outbox is replaced. Nor does
anything wait for the real disk: which is why a sync is noted, and that is all.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Iterator

import pytest

OPEN_CREATE, OPEN_JOURNAL, OPEN_WAL = 0x4, 0x800, 0x80000
OK = 0
Pointer = ctypes.c_void_p


class Vfs(ctypes.Structure):
    """struct sqlite3_vfs, as far as it is the same in every version."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("file_bytes", ctypes.c_int),
        ("max_pathname", ctypes.c_int),
        ("next", Pointer),
        ("name", ctypes.c_char_p),
        ("data", Pointer),
        ("open", Pointer),
        ("delete", Pointer),
        ("others", Pointer * 16),
    )


class Methods(ctypes.Structure):
    """struct sqlite3_io_methods."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("close", Pointer),
        ("read", Pointer),
        ("write", Pointer),
        ("truncate", Pointer),
        ("sync", Pointer),
        ("others", Pointer * 13),
    )


# paths as addresses: SQLite keeps them
Open = ctypes.CFUNCTYPE(ctypes.c_int, Pointer, Pointer, Pointer, ctypes.c_int, Pointer)
Delete = ctypes.CFUNCTYPE(ctypes.c_int, Pointer, Pointer, ctypes.c_int)
Write = ctypes.CFUNCTYPE(ctypes.c_int, Pointer, Pointer, ctypes.c_int, ctypes.c_int64)
Truncate = ctypes.CFUNCTYPE(ctypes.c_int, Pointer, ctypes.c_int64)
Sync = ctypes.CFUNCTYPE(ctypes.c_int, Pointer, ctypes.c_int)


@dataclass(frozen=True)
class Op:
    """`kind`: "create", "delete", "write", "truncate", "sync", "sync folder", "rename"; or "note", which is no operation."""

    kind: str
    name: str = ""
    """Of the file, in the folder."""
    at: int = 0
    """First byte written, or the new size."""
    data: bytes = b""
    note: Any = None


class Log:
    """Operations in the order in which they were done."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)
        self.ops: list[Op] = []
        self._lock = threading.Lock()
        self._there: set[str] = set()

    def add(self, kind: str, name: str = "", at: int = 0, data: bytes = b"", note: Any = None) -> None:
        """One more."""
        with self._lock:
            if kind == "create":
                # the first opening makes it, the others find it
                if name in self._there:
                    return
                self._there.add(name)
            elif kind == "delete":
                self._there.discard(name)
            self.ops.append(Op(kind, name, at, data, note))

    def found(self, names: list[str]) -> None:
        """These were there before."""
        self._there.update(names)

    def name_of(self, path: str) -> str | None:
        """None for what lies elsewhere."""
        folder, _, name = path.rpartition("/")
        return name if folder == self.folder else None


Refuse = Callable[[str], int]
"""What SQLite is told of a "write", "truncate" or "sync": OK, or one of its codes for what went wrong."""


def _never(_kind: str) -> int:
    return OK


@contextmanager
def recording(folder: Path, refuse: Refuse = _never) -> Iterator[Log]:
    """Of connections opened within, and closed within; what is refused is neither done nor noted."""
    log = Log(folder)
    log.found([one.name for one in folder.iterdir()] if folder.exists() else [])
    library = ctypes.CDLL(_sqlite3.__file__)
    library.sqlite3_vfs_find.restype = ctypes.POINTER(Vfs)
    real = library.sqlite3_vfs_find(None)
    shim = _Shim(log, real.contents, refuse)
    # a connection that a failed test leaves open still calls it: it stays for ever
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(shim))
    assert library.sqlite3_vfs_register(ctypes.byref(shim.vfs), 1) == OK
    try:
        with pytest.MonkeyPatch.context() as patch:
            _watch_the_outbox(log, patch)
            yield log
    finally:
        library.sqlite3_vfs_unregister(ctypes.byref(shim.vfs))


class _Shim:
    """The VFS in front."""

    def __init__(self, log: Log, real: Vfs, refuse: Refuse) -> None:
        self._log = log
        self._refuse = refuse
        self._real = SimpleNamespace(open=Open(real.open), delete=Delete(real.delete))
        self._names: dict[int, str] = {}
        """Of open files, by their address."""
        self._sync_folder: set[int] = set()
        """Files whose first sync makes their names durable: journals and logs that were opened to be made."""
        self._tables: dict[int, tuple[Methods, Any]] = {}
        """Methods in front, by the address of those behind."""
        self.vfs = Vfs()
        ctypes.pointer(self.vfs)[0] = real
        self._callbacks = (Open(self._open), Delete(self._delete))
        self.vfs.name = b"recording"
        self.vfs.open, self.vfs.delete = (ctypes.cast(one, Pointer).value for one in self._callbacks)

    def _open(self, vfs: int, path: int | None, file: int, flags: int, out_flags: int) -> int:
        code: int = self._real.open(vfs, path, file, flags, out_flags)
        name = self._log.name_of(ctypes.string_at(path).decode()) if path else None
        if code == OK and name is not None:
            if flags & OPEN_CREATE:
                self._log.add("create", name)
            self._names[file] = name
            if flags & OPEN_CREATE and flags & (OPEN_JOURNAL | OPEN_WAL):
                self._sync_folder.add(file)
            methods = ctypes.cast(file, ctypes.POINTER(Pointer))
            methods[0] = ctypes.addressof(self._in_front_of(methods[0])[0])
        return code

    def _delete(self, vfs: int, path: int, sync_folder: int) -> int:
        code: int = self._real.delete(vfs, path, sync_folder)
        name = self._log.name_of(ctypes.string_at(path).decode())
        if code == OK and name is not None:
            self._log.add("delete", name)
            if sync_folder & 1:
                self._log.add("sync folder")
        return code

    def _synced(self, file: int) -> int:
        self._log.add("sync", self._names[file])
        if file in self._sync_folder:
            self._sync_folder.discard(file)
            self._log.add("sync folder")
        return OK

    def _in_front_of(self, address: int) -> tuple[Methods, Any]:
        if address not in self._tables:
            behind = ctypes.cast(address, ctypes.POINTER(Methods)).contents
            front = Methods()
            ctypes.pointer(front)[0] = behind
            write, truncate = Write(behind.write), Truncate(behind.truncate)

            def on_write(file: int, data: int, n_bytes: int, at: int) -> int:
                refused = self._refuse("write")
                if not refused:
                    self._log.add("write", self._names[file], at, ctypes.string_at(data, n_bytes))
                return refused or int(write(file, data, n_bytes, at))

            def on_truncate(file: int, size: int) -> int:
                refused = self._refuse("truncate")
                if not refused:
                    self._log.add("truncate", self._names[file], size)
                return refused or int(truncate(file, size))

            def on_sync(file: int, flags: int) -> int:
                return self._refuse("sync") or self._synced(file)

            callbacks = (Write(on_write), Truncate(on_truncate), Sync(on_sync))
            front.write, front.truncate, front.sync = (ctypes.cast(one, Pointer).value for one in callbacks)
            self._tables[address] = front, callbacks
        return self._tables[address]


def _watch_the_outbox(log: Log, patch: pytest.MonkeyPatch) -> None:
    """What it does without SQLite: making its file, and all that is done to its mark."""
    names: dict[int, str] = {}
    really = SimpleNamespace(open=os.open, pwrite=os.pwrite, replace=os.replace)

    def open_(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        file: int = really.open(path, flags, *rest, **more)
        name = log.name_of(os.fspath(path)) if not isinstance(path, (int, bytes)) else None
        if name is not None:
            names[file] = name
            if flags & os.O_CREAT:
                log.add("create", name)
        return file

    def pwrite(file: int, data: bytes, at: int) -> int:
        log.add("write", names[file], at, bytes(data))
        return int(really.pwrite(file, data, at))

    def fdatasync(file: int) -> None:
        log.add("sync", names[file])

    def replace(one: Any, other: Any) -> None:
        log.add("rename", Path(one).name)
        really.replace(one, other)

    wrapped: dict[str, Callable[..., Any]] = {"open": open_, "pwrite": pwrite, "fdatasync": fdatasync, "replace": replace}
    for name, one in wrapped.items():
        patch.setattr(os, name, one)
