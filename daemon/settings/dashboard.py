"""The settings of the page."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from daemon.errors import SettingsError
from daemon.settings.wish import want

LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
NAME = re.compile(rf"(?:{LABEL}(?:\.{LABEL})*)?")


@dataclass(frozen=True)
class DashboardSettings:
    """Where `affectd dashboard` shows the mood."""

    host: str = "127.0.0.1"
    """The address of ours that is listened at; another than a loopback one needs a token."""
    port: int = 8737
    name: str = ""
    """The name by which browsers reach it, where that is none of this machine's own: a proxy's."""
    token_file: str = ""
    """A file whose first line lets a person in: at least 16 characters, as `openssl rand -hex 16` makes them."""
    may_switch: bool = True
    """false: the page looks on, and cannot switch a microphone off or on."""

    def __post_init__(self) -> None:
        want(self._address() is not None, "host", self.host, "an address of this machine, as in 127.0.0.1 or 0.0.0.0")
        want(1 <= self.port <= 65535, "port", self.port, "1 to 65535")
        want(bool(NAME.fullmatch(self.name)), "name", self.name, "a host name, as in car.example")
        if not (self.is_loopback or self.token_file):
            raise SettingsError(
                f"host is {self.host!r}, where others can see the page: name a file with a token in token_file, "
                "made by `openssl rand -hex 16`"
            )

    @property
    def is_loopback(self) -> bool:
        """Only programs of this machine can reach it."""
        address = self._address()
        return address is not None and address.is_loopback

    def _address(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None
