"""The token of a page that others can reach."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from daemon.errors import SettingsError
from daemon.settings import DashboardSettings

LEAST_TOKEN = 16
"""Characters: it cannot be guessed."""


class Token:
    """What lets a person in. A browser shows it once, and keeps what is derived from it in a cookie."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self.cookie = hmac.new(self._secret, b"affectd dashboard", hashlib.sha256).hexdigest()

    def fits(self, offered: str) -> bool:
        """How long it takes tells nothing of the token."""
        return hmac.compare_digest(hashlib.sha256(offered.encode()).digest(), hashlib.sha256(self._secret).digest())

    def is_known(self, cookie: str) -> bool:
        """Whether a browser has shown the token before."""
        return hmac.compare_digest(cookie.encode(), self.cookie.encode())


def token_of(settings: DashboardSettings) -> Token | None:
    """None where none is set. Raises SettingsError naming the file, never what is in it."""
    if not settings.token_file:
        return None
    what = f"[dashboard] token_file {settings.token_file}"
    try:
        with Path(settings.token_file).open(encoding="utf-8") as file:
            secret = file.readline().strip()
    except OSError as trouble:
        raise SettingsError(f"{what}: cannot be read: {trouble.strerror}") from trouble
    except UnicodeDecodeError:
        # without a cause: that error holds the bytes
        raise SettingsError(f"{what}: cannot be read: it is no UTF-8 text") from None
    if len(secret) < LEAST_TOKEN:
        raise SettingsError(f"{what}: want at least {LEAST_TOKEN} characters in its first line: `openssl rand -hex 16`")
    return Token(secret)
