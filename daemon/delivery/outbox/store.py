"""The disk's side of the outbox: file and high water together, opened, mended and told apart from a disk in trouble."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Iterator

from daemon.delivery.outbox.desk import Batch
from daemon.delivery.outbox.file import OutboxFile
from daemon.delivery.outbox.high_water import HighWater, Water
from daemon.delivery.outbox.letter import as_row
from daemon.delivery.outbox.rescue import rescue
from daemon.delivery.outbox.tables import Contents, Damaged, DiskTrouble
from daemon.delivery.outbox.view import View
from daemon.errors import SettingsError

logger = logging.getLogger(__name__)


class Store:
    """All but `after` is for one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Raises SettingsError where another service has the file."""
        self._path = path
        self._file: OutboxFile | None = None
        self._view: View | None = None
        """What can be read as long as there is no file that can be written."""
        self._swapping = threading.RLock()
        self._high_water = HighWater(path.with_suffix(".mark"))
        self.water: Water | None = self._high_water.open()
        """How far the numbers had gone when this process began."""

    @property
    def n_bytes(self) -> int:
        """Of the letters in the file, about."""
        one = self._file or self._view
        return one.n_bytes if one else 0

    def open(self, low: int, high: int, damage: str | None = None) -> Contents:
        """The file, made where it is missing, put aside where it is damaged; what is in it. Raises DiskTrouble.

        `low`, `high`: numbers of letters that may be needed are above the one and up to the other. `damage`: what is known
        to be wrong with it. As long as no other can be opened, what was open can still be read.
        """
        if self._view is None:
            return self._opened(low, high, damage)
        # whoever reads waits: else newer letters, which are in memory, would pass those here
        with self._swapping:
            return self._opened(low, high, damage)

    def view(self) -> Contents | None:
        """What is in a file that could not be opened, and can be read from now on; None where it cannot be read either."""
        with suppress(DiskTrouble, Damaged):
            if self._view:
                return self._view.stock()
        self._close_view()
        return None

    def write(self, batch: Batch, last: int, low: int) -> None:
        """The batch is on disk when this returns; `last`, `low`: as of the write before. Raises DiskTrouble or Damaged."""
        if self._file is None:
            raise DiskTrouble("the file is not open")
        rows = [as_row(letter, kept_s) for letter, kept_s in batch.letters]
        try:
            self._high_water.reserve(batch.last, last, low)
        except (OSError, SettingsError) as trouble:
            raise DiskTrouble(getattr(trouble, "strerror", None) or str(trouble)) from trouble
        self._file.write(rows, batch.aside, batch.forget, batch.mark, batch.clock_s)
        self.note(batch.last, batch.low)

    def note(self, last: int, low: int) -> None:
        """How far the numbers have gone, for the case of damage; where that fails, the case is the worse for it."""
        with suppress(OSError, SettingsError):
            self._high_water.note(last, low)

    def after(self, seq: int, limit: int) -> list[tuple[Any, ...]]:
        """Rows above `seq`; none without a file. Any thread. Raises DiskTrouble or Damaged."""
        with self._swapping:
            one = self._file or self._view
            return one.after(seq, limit) if one else []

    def oldest(self) -> Iterator[tuple[int, int, int]]:
        """seq, size and kept_s of the letters in order, gap letters left out. Raises DiskTrouble or Damaged."""
        one = self._file or self._view
        return iter(one.oldest() if one else ())

    def close(self, last: int, low: int, clean: bool) -> None:
        """`clean`: all that was given a number is on disk."""
        self._shut()
        self._close_view()
        with suppress(OSError, SettingsError):
            if clean:
                self._high_water.close(last, low)
        self._high_water.abandon()

    def _opened(self, low: int, high: int, damage: str | None) -> Contents:
        self._close_view()
        try:
            return self._mended(low, high, damage)
        except DiskTrouble:
            if self._file is None:
                with suppress(DiskTrouble, Damaged):
                    self._view = View(self._path)
            raise

    def _mended(self, low: int, high: int, damage: str | None) -> Contents:
        try:
            if damage is None:
                return self._checked()
        except Damaged as found:
            damage = str(found)
        self._shut()
        aside, n_saved = rescue(self._path, low, high)
        logger.warning("%s: %s: it is put aside as %s; %d rows of it are saved", self._path, damage, aside, n_saved)
        try:
            return self._checked()
        except Damaged as trouble:
            raise DiskTrouble(f"a new file is damaged at once: {trouble}") from trouble

    def _checked(self) -> Contents:
        file = OutboxFile(self._path)
        try:
            self._adopt(file)
            contents = file.check()
        except (Damaged, DiskTrouble):
            file.close()
            raise
        self._shut()
        self._file = file
        return contents

    def _adopt(self, file: OutboxFile) -> None:
        """What can be read of a file that was removed while it was open is saved."""
        if self._file and self._file.is_gone:
            with suppress(SettingsError, OSError):
                self._high_water.begin_anew()
            with suppress(DiskTrouble, Damaged):
                file.put(self._file.letters())

    def _shut(self) -> None:
        with self._swapping:
            file, self._file = self._file, None
            if file:
                file.close()

    def _close_view(self) -> None:
        with self._swapping:
            view, self._view = self._view, None
            if view:
                view.close()
