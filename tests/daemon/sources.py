"""What tests' own sources have in common: they have no device, hear, and are attended to."""

from __future__ import annotations

from typing import Any


class DevicelessSource:
    """The part of a source that is about its device, of one that has none."""

    listening = True
    hearing = True
    attended = 0

    def device(self) -> dict[str, Any] | None:
        return None

    def release(self) -> bool:
        self.close()
        return True

    def close(self) -> None:
        raise NotImplementedError
