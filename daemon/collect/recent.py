"""What came of late, so that a message that comes again is written once."""

from __future__ import annotations

import zlib
from collections import OrderedDict

from daemon.collect.row import Bad, Key, Row

MOST_RECENT = 200_000
"""Messages; what comes again does so soon after a connection was lost."""


class Recent:
    """Keys of the newest messages, in bounded memory. It spares work: what it has forgotten, the archive's readers drop."""

    def __init__(self, most: int = MOST_RECENT) -> None:
        self._most = most
        self._sums: OrderedDict[Key, int] = OrderedDict()

    def has(self, row: Row) -> bool:
        """The message came before."""
        return row.key in self._sums

    def differs(self, row: Row) -> Bad | None:
        """Another message came under this name, which names one for ever."""
        if self._sums.get(row.key, _sum(row)) == _sum(row):
            return None
        topic = "/".join(("affectd", row.node, *([row.source] if row.source else []), row.kind))
        why = f"another message came as boot {row.boot}, seq {row.seq} before"
        return Bad(topic, row.body.encode(), row.received_at, why)

    def add(self, row: Row) -> None:
        """It came."""
        self._sums[row.key] = _sum(row)
        if len(self._sums) > self._most:
            self._sums.popitem(last=False)


def _sum(row: Row) -> int:
    return zlib.crc32(row.body.encode())
