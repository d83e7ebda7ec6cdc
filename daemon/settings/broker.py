"""The settings of the broker."""

from __future__ import annotations

import re
from dataclasses import dataclass

from daemon.errors import SettingsError
from daemon.settings.wish import want

PROTOCOLS = ("auto", "5", "3.1.1")
CREDENTIAL = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}")


def _require(right: bool, otherwise: str) -> None:
    if not right:
        raise SettingsError(otherwise)


def _is_host(name: str) -> bool:
    try:
        return bool(name.encode("idna")) and " " not in name
    except UnicodeError:
        return False


@dataclass(frozen=True)
class BrokerSettings:
    """Where the events go."""

    host: str = "127.0.0.1"
    port: int = 1883
    protocol: str = "auto"
    """MQTT "5", or "3.1.1"; "auto": 5, and 3.1.1 with a broker that has no 5."""
    username: str = ""
    password_file: str = ""
    """A file whose first line is the password; never the password itself."""
    password_credential: str = ""
    """Instead: the name of a credential that systemd hands over (`LoadCredential=`)."""
    tls: bool = False
    """Brokers listen for TLS on port 8883 as a rule."""
    ca_file: str = ""
    """The CA that the broker's certificate must be signed by; empty: those that the system trusts."""
    cert_file: str = ""
    """Our certificate, where the broker wants one ..."""
    key_file: str = ""
    """... and its private key; empty: it is in cert_file, too."""
    client_id: str = ""
    """Empty: affectd-<node>."""
    keepalive_s: int = 30
    longest_retry_s: float = 2.0
    """Between two attempts to reach a broker that is away, a little less by lot. A fleet that shares a broker wants more: after
    an outage all vehicles come within this time."""
    session_expiry_s: int = 300
    """So long the broker keeps commands for us while the connection is lost (MQTT 5)."""
    cloudevents: bool = False
    """true: events go out in the form of CloudEvents 1.0, JSON, each message as its `data`."""

    def __post_init__(self) -> None:
        want(_is_host(self.host), "host", self.host, "a name or an address")
        want(1 <= self.port <= 65535, "port", self.port, "1 to 65535")
        want(self.protocol in PROTOCOLS, "protocol", self.protocol, '"auto", "5" or "3.1.1"')
        want(5 <= self.keepalive_s <= 3600, "keepalive_s", self.keepalive_s, "5 to 3600")
        want(0.5 <= self.longest_retry_s <= 3600.0, "longest_retry_s", self.longest_retry_s, "0.5 to 3600")
        want(0 <= self.session_expiry_s <= 604800, "session_expiry_s", self.session_expiry_s, "0 to 604800")
        if self.password_credential:
            right = bool(CREDENTIAL.fullmatch(self.password_credential))
            want(right, "password_credential", self.password_credential, "a name of letters, digits, ., - and _")
        self._require_together()

    def _require_together(self) -> None:
        _require(not (self.password_file and self.password_credential), "password_file and password_credential: want only one")
        _require(
            bool(self.username) or not (self.password_file or self.password_credential),
            "a password needs its user: set username",
        )
        _require(self.tls or not (self.ca_file or self.cert_file), "ca_file and cert_file are for TLS: set tls = true")
        _require(bool(self.cert_file) or not self.key_file, "key_file needs its certificate: set cert_file")
