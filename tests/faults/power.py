"""A disk as a power cut may leave it: what was synced is there; of the rest any part is, in any order, sector by sector."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.sqlite_log import Op

SECTOR_BYTES = 512
"""A disk writes so much at once or not at all; the bytes beside what is written stay as they were."""
WAYS = ("nothing", "everything", "some writes", "some sectors", "torn")
"""What becomes of the writes of a file that no sync has followed: the last has all up to one, and that in part."""


@dataclass
class File:
    """`durable`, and the operations that no sync has followed yet."""

    durable: bytes = b""
    open_ops: list[Op] = field(default_factory=list)

    def sync(self) -> None:
        self.durable, self.open_ops = applied(self.durable, self.open_ops), []

    def after_a_cut(self, way: str, chance: random.Random) -> bytes:
        """One of the contents that it may have."""
        if way == "nothing":
            return self.durable
        if way == "everything":
            return applied(self.durable, self.open_ops)
        if way == "some writes":
            return applied(self.durable, [op for op in self.open_ops if chance.random() < 0.5])
        if way == "some sectors":
            return mixed(self.durable, self.open_ops, chance)
        n_whole = chance.randrange(len(self.open_ops) + 1)
        return mixed(applied(self.durable, self.open_ops[:n_whole]), self.open_ops[n_whole : n_whole + 1], chance)


def mixed(before: bytes, ops: list[Op], chance: random.Random) -> bytes:
    """Each sector as it was before any of the operations, or after one of them; the size, too."""
    now, sizes = bytearray(before), [len(before)]
    versions: dict[int, list[bytes]] = {}
    for op in ops:
        touched = range(
            op.at // SECTOR_BYTES * SECTOR_BYTES, max(op.at + len(op.data), len(now) if _cuts(op) else 0), SECTOR_BYTES
        )
        for begin in touched:
            versions.setdefault(begin, [_sector(now, begin)])
        apply(now, op)
        for begin in touched:
            versions[begin].append(_sector(now, begin))
        sizes.append(len(now))
    size = chance.choice(sizes)
    content = bytearray(before.ljust(size, b"\0")[:size])
    for begin, sectors in versions.items():
        if begin < size:
            content[begin : begin + SECTOR_BYTES] = chance.choice(sectors)[: size - begin]
    return bytes(content)


def applied(content: bytes, ops: list[Op]) -> bytes:
    """The content after these writes and truncations."""
    now = bytearray(content)
    for op in ops:
        apply(now, op)
    return bytes(now)


def apply(content: bytearray, op: Op) -> None:
    """A write or a truncation."""
    if _cuts(op):
        del content[op.at :]
    content.extend(bytes(max(0, op.at - len(content))))
    content[op.at : op.at + len(op.data)] = op.data


def _cuts(op: Op) -> bool:
    return op.kind == "truncate"


def _sector(content: bytearray, begin: int) -> bytes:
    return bytes(content[begin : begin + SECTOR_BYTES]).ljust(SECTOR_BYTES, b"\0")


class Disk:
    """One folder of files. `do` it all in order, and ask between any two what a power cut would leave."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder`: what lies there is durable."""
        self._durable = {one.name: File(one.read_bytes()) for one in folder.iterdir()} if folder else {}
        self._now = dict(self._durable)
        """Names as they are: a name that was made or deleted is so for good once the folder is synced."""

    def do(self, op: Op) -> None:
        """One operation."""
        if op.kind == "create":
            self._now[op.name] = File()
        elif op.kind == "delete":
            del self._now[op.name]
        elif op.kind in ("write", "truncate"):
            self._now[op.name].open_ops.append(op)
        elif op.kind == "sync":
            self._now[op.name].sync()
        elif op.kind == "sync folder":
            self._durable = dict(self._now)
        else:
            assert op.kind == "note", f"{op.name}: what becomes of a {op.kind} is not known here"

    def cut(self, folder: Path, way: str, chance: random.Random) -> None:
        """Write down what is left then."""
        folder.mkdir(parents=True)
        for name in sorted({*self._durable, *self._now}):
            names = {"nothing": self._durable, "everything": self._now}.get(way) or chance.choice((self._durable, self._now))
            one = names.get(name)
            if one is not None:
                (folder / name).write_bytes(one.after_a_cut(way, chance))
