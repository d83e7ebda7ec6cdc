"""A small file beside the outbox that knows how far the numbers have gone, should the outbox be damaged."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from daemon.errors import SettingsError

SLOT_BYTES = 512
"""A disk writes so much at once or not at all."""
N_SLOTS = 2
RESERVED = 256
"""Numbers are set apart so many at a time: each time costs a wait for the disk."""
SLOT = re.compile(rb"affectd outbox 1 count=(\d+) last=(\d+) low=(\d+) reserved=(\d+) crc=([0-9a-f]{8}) *\n?")


@dataclass(frozen=True)
class Water:
    """How far the numbers have gone."""

    last: int
    """The newest that was written."""
    low: int
    """Everything up to here was delivered, or named in a gap record that was."""
    reserved: int
    """None above it was ever given, whatever else may be lost."""


class HighWater:
    """The file, locked for this process as long as it is open. Two slots, written in turn, so that one is always whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1
        self._writable = False
        self._count = 0
        self._reserved = 0

    def open(self) -> Water | None:
        """What it knows; None where there is nothing to be read. Raises SettingsError where another service has it."""
        self._shut()
        try:
            try:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
                self._writable = True
            except OSError:
                self._file = os.open(self._path, os.O_RDONLY)
                self._writable = False
            self._lock()
            slots = [_parsed(os.pread(self._file, SLOT_BYTES, at * SLOT_BYTES)) for at in range(N_SLOTS)]
        except OSError:
            return None
        found = [slot for slot in slots if slot]
        if not found:
            return None
        self._count, water = max(found, key=lambda slot: slot[0])
        self._reserved = max(slot[1].reserved for slot in found)
        return Water(water.last, water.low, self._reserved)

    def reserve(self, upto: int, last: int, low: int) -> None:
        """Before `upto` reaches anybody: set numbers apart, on disk, where they have run out. Raises OSError."""
        if upto > self._reserved:
            self._write(last, low, upto + RESERVED, wait=True)

    def note(self, last: int, low: int) -> None:
        """After a write. It outlives this process at once, and the machine as soon as the kernel has time. Raises OSError."""
        self._write(last, low, max(last, self._reserved))

    def close(self, last: int, low: int) -> None:
        """Exactly so far. Raises OSError."""
        try:
            self._write(last, low, last, wait=True)
        finally:
            self._shut()

    def begin_anew(self) -> None:
        """The file was removed: make another. Raises OSError, or SettingsError where another service has it."""
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        self._shut()
        self._file, self._writable, self._reserved = file, True, 0
        self._lock()

    def abandon(self) -> None:
        """Let go without a word."""
        self._shut()

    def _write(self, last: int, low: int, reserved: int, wait: bool = False) -> None:
        if not self._writable:
            self.begin_anew()
        for _ in range(N_SLOTS if wait else 1):
            self._count += 1
            head = b"affectd outbox 1 count=%d last=%d low=%d reserved=%d" % (self._count, last, low, reserved)
            line = b"%b crc=%08x" % (head, zlib.crc32(head))
            os.pwrite(self._file, line.ljust(SLOT_BYTES - 1) + b"\n", self._count % N_SLOTS * SLOT_BYTES)
        if wait:
            os.fdatasync(self._file)
        self._reserved = reserved

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as trouble:
            if trouble.errno in (errno.EWOULDBLOCK, errno.EACCES):
                self._shut()
                raise SettingsError(
                    f"{self._path.parent}: another affectd has its outbox there: end it, or name another folder in [node] state"
                ) from trouble

    def _shut(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file, self._writable = -1, False


def _parsed(slot: bytes) -> tuple[int, Water] | None:
    """The slot's count and what it says; None for one that is not whole."""
    match = SLOT.fullmatch(slot)
    if not match or zlib.crc32(slot[: slot.index(b" crc=")]) != int(match[5], 16):
        return None
    count, last, low, reserved = (int(match[at]) for at in range(1, 5))
    return count, Water(last, low, reserved)
