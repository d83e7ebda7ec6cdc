"""What was committed and is not yet with the broker, in order: on disk before it is sent, in memory where the disk fails."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterable, Sequence

from daemon.clock import SystemClock
from daemon.delivery.outbox.desk import Desk
from daemon.delivery.outbox.letter import Letter, from_row
from daemon.delivery.outbox.reconcile import DAMAGED
from daemon.delivery.outbox.store import Store
from daemon.delivery.outbox.writer import MEMORY_BYTES, Writer
from daemon.events import Message
from daemon.service.journal import GAP, fields
from daemon.settings import OutboxSettings

logger = logging.getLogger(__name__)

SETTLE_S = 15.0
"""What was delivered is deleted so much later, together: after a crash in between it is sent again."""
REFUSED_AGAIN_S = 3600.0
"""So long after a gap record was refused no other is made: it would be refused as well."""


class Outbox:
    """A Sink that keeps letters until they are acknowledged. Any thread may call it; one thread of its own writes."""

    def __init__(
        self,
        place: Path | None,
        boot: str,
        settings: OutboxSettings,
        node: str = "cabin",
        at: Callable[[], str] = SystemClock().at,
    ) -> None:
        """`place`: the file; None: memory alone. `node`, `at`: for gap records.

        Raises SettingsError where another service has the file.
        """
        self.boot = boot
        self.on_commit: Callable[[], None] = lambda: None
        """Called after letters became durable, or are in memory where the disk fails; must not block."""
        self.on_delivered: Callable[[Sequence[int]], None] = lambda _seqs: None
        """Called with the numbers of letters that the broker has, on the thread that says so; must not block."""
        self._settings = settings
        self._node = node
        self._at = at
        self._desk = Desk(boot, settings.drop)
        self._changed = threading.Condition()
        self._name_again = 0.0
        self._writer = Writer(Store(place), self._desk, self._changed, settings, self._tell) if place else None
        if self._writer:
            self._writer.start()

    def __len__(self) -> int:
        """Letters that wait."""
        with self._changed:
            return self._desk.ledger.waiting

    @property
    def last_seq(self) -> int:
        """Number of the newest letter; it grows for ever, across restarts."""
        return self._desk.ledger.last

    @property
    def in_memory(self) -> bool:
        """True where what waits does not outlive this process."""
        return self._writer is None or self._writer.trouble is not None

    def commit(self, message: Message) -> int:
        """Number the message and hand it to the writer: the sequence number. Never waits for a disk.

        Raises ValueError for what JSON cannot say.
        """
        with self._changed:
            seq = self._desk.take(message)
            self._bound_memory()
            if self._writer:
                self._writer.want_letters()
            at_once = self.in_memory
        if at_once:
            self._tell()
        return seq

    def after(self, seq: int, limit: int) -> list[Letter]:
        """The oldest letters with a number above `seq` that are durable, at most `limit`."""
        found = self._on_disk(self._writer, seq, limit) if self._writer else []
        with self._changed:
            if self.in_memory and len(found) < limit:
                found += self._desk.in_memory(found[-1].seq if found else seq, limit - len(found))
        return found

    def delivered(self, seqs: Sequence[int]) -> None:
        """The broker has them: forget them, soon and together."""
        self.on_delivered(seqs)
        with self._changed:
            self._desk.settle(seqs)
            self._handed_on(SETTLE_S)

    def put_aside(self, seq: int, reason: str) -> None:
        """The broker will never have it: it is kept apart, and named in a gap record."""
        with self._changed:
            if self._desk.put_aside(seq, reason):
                self._name_again = time.monotonic() + REFUSED_AGAIN_S
            self._handed_on(SETTLE_S)

    def name_gaps(self) -> None:
        """What was lost since the last time becomes one letter, if there is any."""
        with self._changed:
            if time.monotonic() < self._name_again or not self._desk.take_gaps(self._node, self._at()):
                return
            seq = self._desk.ledger.last
            at_once = self._handed_on(0.0)
        logger.warning("messages were dropped: gap record %d names them", seq, extra=fields(GAP, seq=seq))
        if at_once:
            self._tell()

    def flush(self, patience_s: float) -> bool:
        """Wait until all that was done is on disk: True, or in memory where the disk fails."""
        return self._writer is None or self._writer.flush(patience_s)

    def close(self) -> None:
        """Write what is left and let go of the file. What waits is there at the next start."""
        if self._writer:
            self._writer.close()

    def summary(self) -> dict[str, Any]:
        """For /health."""
        oldest = self.after(0, 1)
        with self._changed:
            writer = self._writer
            return {
                "waiting": len(self),
                "bytes": self._desk.pending_bytes + (writer.n_bytes if writer else 0),
                "oldest_s": round(oldest[0].age_s, 1) if oldest else 0.0,
                **self._desk.counts,
                "storage": "memory" if self.in_memory else "disk",
                "trouble": writer.trouble if writer else None,
            }

    def _tell(self) -> None:
        self.on_commit()

    def _handed_on(self, within_s: float) -> bool:
        """Have it written so soon; True where nothing can be."""
        if self._writer:
            self._writer.want(within_s)
        return self.in_memory

    def _bound_memory(self) -> None:
        # where there is a disk, this is for one that cannot keep up: the file has its own cap
        if self.in_memory or self._desk.pending_bytes > MEMORY_BYTES:
            self._desk.trim(min(self._settings.max_bytes, MEMORY_BYTES), self._desk.now_s - self._settings.max_age_s)

    def _on_disk(self, writer: Writer, seq: int, limit: int) -> list[Letter]:
        """What `after` finds in the file, as far as it can be read."""
        found: list[Letter] = []
        while len(found) < limit:
            with self._changed:
                seq = self._desk.ledger.settled.end_of_run(seq)
            rows = writer.after(seq, limit - len(found))
            if not rows:
                break
            found += self._needed(rows)
            seq = rows[-1][0]
        return found

    def _needed(self, rows: Iterable[Any]) -> list[Letter]:
        """The letters of rows that still wait; a row that is not whole is lost, and will be named."""
        needed: list[Letter] = []
        with self._changed:
            for row in rows:
                if self._desk.ledger.waits(row[0]):
                    letter = from_row(row, self._desk.now_s)
                    if letter:
                        needed.append(letter)
                    else:
                        logger.warning("seq %d is damaged on disk: it is lost, and a gap record will tell", row[0])
                        self._desk.lose([row[0]], DAMAGED, "damaged")
                        self._handed_on(SETTLE_S)
        return needed
