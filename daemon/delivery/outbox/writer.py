"""The thread that brings the outbox to the disk: what waits goes in one transaction, and a disk in trouble is tried again."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any, Callable

from daemon.delivery.outbox.desk import FULL, OLD, Batch, Desk
from daemon.delivery.outbox.reconcile import begin, rejoin
from daemon.delivery.outbox.store import Store
from daemon.delivery.outbox.tables import Contents, Damaged, DiskTrouble
from daemon.settings import OutboxSettings

logger = logging.getLogger(__name__)

MEMORY_BYTES = 16_000_000
"""At most so much waits in memory for a disk that does not answer."""
AGE_CHECK_S = 60.0
FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 30.0
CLOSE_S = 10.0
ROUNDS = 3
"""So often room is made for what goes on coming; then it is the newcomers that have to go."""
STILL_OPEN = ("full", "locked")
"""Troubles that have nothing to do with the connection."""
NEVER = float("inf")
TURN_S = 0.001
"""What is said at once, of an utterance and of the seat's state, is committed within so long, and goes in one write."""


class Writer:
    """Owns the store. `changed` guards the desk, and wakes whoever waits for either side."""

    def __init__(
        self, store: Store, desk: Desk, changed: threading.Condition, settings: OutboxSettings, on_written: Callable[[], None]
    ) -> None:
        """Opens the file. `on_written`: called when letters are on disk, or in memory where that cannot be."""
        self._store = store
        self._desk = desk
        self._changed = changed
        self._settings = settings
        self._on_written = on_written
        self.trouble: str | None = None
        """What keeps letters from the disk."""
        self._knows_file = False
        self._reopen = True
        self._base = 0
        """The number from which on letters were numbered before the file could be read."""
        self._written = (0, 0)
        self._n_written = 0
        self._due = NEVER
        self._began = time.monotonic()
        """When the last write was begun; the file was opened just now."""
        self._retry_s = FIRST_RETRY_S
        self._age_check_at = 0.0
        self._damage: str | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="outbox", daemon=True)
        self._open_first()

    @property
    def n_bytes(self) -> int:
        """Of the letters on disk, about."""
        return self._store.n_bytes

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def want_letters(self) -> None:
        """A letter has come. Alone it is written at once; where one was just written, with all that comes while that lingers.

        The lock is held.
        """
        linger_s = self._settings.linger_ms / 1000.0
        self.want(max(min(TURN_S, linger_s), self._began + linger_s - time.monotonic()))

    def want(self, within_s: float) -> None:
        """Something has changed, and is to be on disk so soon. The lock is held."""
        due = time.monotonic() + within_s
        if due < self._due and self.trouble is None:
            self._due = due
            self._changed.notify_all()

    def after(self, seq: int, limit: int) -> list[tuple[Any, ...]]:
        """Rows above `seq`, as far as they can be read. Any thread."""
        try:
            return self._store.after(seq, limit)
        except DiskTrouble as trouble:
            logger.debug("the outbox cannot be read: %s", trouble)
        except Damaged as damage:
            with self._changed:
                self._damage = str(damage)
                self.want(0.0)
        return []

    def flush(self, patience_s: float) -> bool:
        """See Outbox.flush."""
        with self._changed:
            target = self._desk.n_changes
            self.want(0.0)
            return self._changed.wait_for(lambda: self._n_written >= target or self.trouble is not None, patience_s)

    def close(self) -> None:
        """Write what is left, and end."""
        if self._closing:
            return
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            logger.warning("the disk does not answer: what the outbox has not written yet is lost")
            return
        self._store.close(*self._written, clean=self.trouble is None)

    # ---- the writer's thread ----

    def _work(self) -> None:
        closing = False
        while not closing:
            with self._changed:
                while not self._closing and time.monotonic() < self._due:
                    self._changed.wait(min(self._due - time.monotonic(), threading.TIMEOUT_MAX))
                closing = self._closing
                self._began = time.monotonic()
                self._due = self._began + AGE_CHECK_S
            try:
                self._once()
            except Exception as mistake:  # whatever it is, letters must not be stuck behind it
                logger.exception("the outbox's writer")
                self._fail(str(mistake))

    def _once(self) -> None:
        try:
            if self._reopen or self._damage:
                self._open()
            try:
                self._write()
            except Damaged as damage:
                self._damage = str(damage)
                self._open()
                self._write()
        except (DiskTrouble, Damaged) as trouble:
            self._fail(str(trouble))

    def _write(self) -> None:
        batch = self._batch()
        if batch is None:
            return
        try:
            self._store.write(batch, *self._written)
        except BaseException:
            with self._changed:
                self._desk.undone(batch)
            raise
        with self._changed:
            self._desk.done(batch)
            self._written, self._n_written = (batch.last, batch.low), batch.n_changes
            self._recovered(len(batch.letters))
            self._changed.notify_all()
        if batch.letters:
            self._on_written()

    def _batch(self) -> Batch | None:
        """All that is not on disk, as far as there is room; None where there is nothing new."""
        for rounds_left in reversed(range(ROUNDS)):
            room = self._make_room()
            with self._changed:
                over = self._desk.pending_bytes - room
                # while room was made more has come
                if over > 0 and rounds_left and self._settings.drop == "oldest":
                    continue
                self._desk.shed(over)
                if self._n_written != self._desk.n_changes or self.trouble is not None:
                    return self._desk.batch()
                self._changed.notify_all()
        return None

    def _make_room(self) -> int:
        """Let letters on disk go that are too old, or too many: the bytes that there is room for."""
        desk, now = self._desk, time.monotonic()
        with self._changed:
            wanted = desk.pending_bytes
            settled = desk.ledger.settled.copy()
            oldest_s = desk.now_s - self._settings.max_age_s
        room = self._settings.max_bytes - self._store.n_bytes
        if wanted <= room and now < self._age_check_at:
            return room
        self._age_check_at = now + AGE_CHECK_S
        too_old, too_many = [], []
        for seq, size, kept_s in self._store.oldest():
            if seq not in settled:
                if kept_s < oldest_s:
                    too_old.append(seq)
                elif wanted > room and self._settings.drop == "oldest":
                    too_many.append(seq)
                else:
                    break
            room += size
        with self._changed:
            desk.lose(too_old, OLD, "dropped")
            desk.lose(too_many, FULL, "dropped")
        return room

    def _fail(self, trouble: str) -> None:
        with self._changed:
            if self.trouble is None:
                logger.warning("the outbox cannot be written: %s: events are kept in memory, which a restart forgets", trouble)
            self.trouble = trouble
            self._reopen = not any(text in trouble for text in STILL_OPEN)
            self._due = time.monotonic() + self._retry_s
            self._retry_s = min(2.0 * self._retry_s, LONGEST_RETRY_S)
            self._desk.trim(min(self._settings.max_bytes, MEMORY_BYTES), float("-inf"))
            self._store.note(self._desk.ledger.last, self._desk.ledger.low)
            self._changed.notify_all()
        self._on_written()

    def _recovered(self, n_letters: int) -> None:
        if self.trouble is not None:
            logger.info("the outbox can be written again: %d events that waited in memory are on disk", n_letters)
            self.trouble = None
            self._retry_s = FIRST_RETRY_S
            self.want(0.0)

    # ---- opening ----

    def _open_first(self) -> None:
        try:
            self._open()
        except DiskTrouble as trouble:
            contents = self._store.view()
            if contents:
                self._adopt(contents)
            else:
                water = self._store.water
                self._base = water.reserved if water else 0
                self._desk.ledger.last = self._base
                self._desk.ledger.settled.add(1, self._base)
            self._fail(str(trouble))

    def _open(self) -> None:
        """Open the file, or mend it. Raises DiskTrouble."""
        with self._changed:
            ledger, water = self._desk.ledger, self._store.water
            low, high = ledger.settled.end_of_run(0), ledger.last
            if not self._knows_file:
                low, high = (water.low, water.reserved) if water else (0, 0)
        contents = self._store.open(low, high, self._damage)
        self._damage, self._reopen = None, False
        self._adopt(contents)

    def _adopt(self, contents: Contents) -> None:
        """Hold the ledger against what is in the file, or begin with that."""
        with self._changed:
            lost = self._rejoin(contents) if self._knows_file else self._join(contents)
            if lost:
                self._desk.counts["damaged"] += lost
                logger.warning("the outbox has lost up to %d letters: a gap record will tell which", lost)
            if lost or contents.mark is None:
                self._desk.n_changes += 1
                self.want(0.0)

    def _join(self, contents: Contents) -> int:
        ledger, clock_s, lost = begin(contents, self._store.water, self._base)
        self._desk.follow(ledger, self._base)
        self._desk.go_on_from(clock_s)
        self._written = (ledger.last, ledger.low)
        self._n_written = self._desk.n_changes
        self._knows_file = True
        return lost

    def _rejoin(self, contents: Contents) -> int:
        return rejoin(self._desk.ledger, contents, self._desk.pending)
