"""Whether a broker lets us in: asked once, and left again. No session is kept, nothing is published, nobody is pushed out."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from daemon.delivery.mqtt import access
from daemon.delivery.mqtt.connection import PROTOCOLS, UNSUPPORTED_PROTOCOL
from daemon.delivery.mqtt.paho_mended import MendedClient
from daemon.delivery.mqtt.sayings import HINTS
from daemon.errors import BrokerError
from daemon.settings import BrokerSettings

PATIENCE_S = 5.0


def ask(settings: BrokerSettings, patience_s: float = PATIENCE_S) -> str:
    """The version of MQTT that it accepts. Raises BrokerError: what is wrong, to go on after its name; SettingsError."""
    version = "5" if settings.protocol == "auto" else settings.protocol
    code, why = _ask(settings, version, patience_s)
    if why and settings.protocol == "auto" and (code == UNSUPPORTED_PROTOCOL or code is None):
        # some brokers of 3.1.1 just hang up at a 5
        code, three = _ask(settings, "3.1.1", patience_s)
        version, why = ("3.1.1", three) if not three or code is not None else (version, why)
    if why:
        raise BrokerError(f"{why}; {HINTS[code]}" if code in HINTS else why)
    return version


def _ask(settings: BrokerSettings, version: str, patience_s: float) -> tuple[int | None, str]:
    """MQTT's reason code where the broker gave one, and what is wrong; empty: it lets us in."""
    answers: list[Any] = []
    client = MendedClient(
        CallbackAPIVersion.VERSION2,
        client_id=f"affectd-doctor-{secrets.token_hex(4)}",
        protocol=PROTOCOLS[version],
        reconnect_on_failure=False,
    )
    client.connect_timeout = client.handshake_s = patience_s
    client.on_connect = lambda _client, _data, _flags, reason, _properties: answers.append(reason)
    try:
        context = access.tls_context(settings)
        if context:
            client.tls_set_context(context)
        if settings.username:
            client.username_pw_set(settings.username, access.password_of(settings))
        client.connect(settings.host, settings.port)
        _loop(client, answers, patience_s)
    except (OSError, ValueError) as trouble:
        return None, access.explain(trouble, settings)
    finally:
        with suppress(Exception):
            client.disconnect()
            client.loop(0.1)
    if not answers:
        return None, f"does not answer within {patience_s:g} s: {access.before_an_answer(settings)}"
    return (answers[0].value, f"refuses: {answers[0]}") if answers[0].is_failure else (0, "")


def _loop(client: paho.Client, answers: list[Any], patience_s: float) -> None:
    until_s = time.monotonic() + patience_s
    while not answers and time.monotonic() < until_s:
        if client.loop(0.1) != paho.MQTT_ERR_SUCCESS:
            break
    if not answers and client.socket() is None and time.monotonic() < until_s:
        raise ConnectionResetError
