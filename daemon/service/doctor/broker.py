"""The settings, and the broker that they name."""

from __future__ import annotations

import os
from typing import Iterator

from daemon import settings as settings_file
from daemon.errors import BrokerError, SettingsError
from daemon.service.doctor.finding import Finding, fail, note, ok
from daemon.service.doctor.place import Place


def settings(place: Place) -> Iterator[Finding]:
    """The file, and the files that it names."""
    if place.config is None:
        yield fail("settings", "there are none", "cp deploy/affectd.toml . && affectd doctor --config affectd.toml", 2)
        return
    try:
        read = settings_file.load(place.config)
        _require_files(read)
    except SettingsError as trouble:
        may_read = os.access(place.config, os.R_OK)
        do = f"affectd config check {place.config}" if may_read else "sudo affectd doctor: others may not read it"
        yield fail("settings", str(trouble), do, trouble.exit_code)
        return
    if read.source:
        yield ok("settings", f"{place.config}: good")
    else:
        yield fail("settings", f"{place.config}: no [[source]]", "add one with a device from: affectd devices", 2)


def _require_files(read: settings_file.Settings) -> None:
    from daemon.delivery.mqtt import access
    from daemon.keeping import require_place

    access.check(read.broker)
    require_place(read.seat.keep)


def broker(place: Place) -> Iterator[Finding]:
    """A real connection, under a name of its own: the service's is left alone."""
    if place.settings is None:
        yield note("broker", "not asked: the settings cannot be read")
        return
    from daemon.delivery.mqtt import probe

    asked = place.settings.broker
    where = f"{asked.host}:{asked.port}"
    try:
        said = probe.ask(asked)
    except (BrokerError, SettingsError) as trouble:
        is_ours = asked.host in ("127.0.0.1", "localhost", "::1") and "not there" in str(trouble)
        start = "sudo apt install mosquitto && sudo systemctl start mosquitto" if is_ours else ""
        yield fail("broker", f"{where} {trouble}", start or "look at [broker] in the settings, and at the network", 4)
        return
    yield ok("broker", f"{where} accepts, MQTT {said}{', TLS' if asked.tls else ''}{_as_whom(asked.username)}")


def _as_whom(username: str) -> str:
    return f", as {username}" if username else ""
