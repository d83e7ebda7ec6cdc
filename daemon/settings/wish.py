"""How a setting's value is refused."""

from __future__ import annotations

from daemon.errors import SettingsError


def want(right: bool, name: str, value: object, wish: str) -> None:
    """Raises SettingsError with the wish where the value is not right."""
    if not right:
        raise SettingsError(f"{name} is {value!r}: want {wish}")
