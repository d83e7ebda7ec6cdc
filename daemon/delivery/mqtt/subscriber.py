"""A subscriber whose session outlives its connection: the broker keeps for it what comes meanwhile."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Any, Sequence

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from daemon.delivery.mqtt import access
from daemon.delivery.mqtt.connection import PROTOCOLS, UNSUPPORTED_PROTOCOL
from daemon.delivery.mqtt.paho_mended import reason_told
from daemon.delivery.subscription import Arrived, Connected, Gone, Refused, Subscription
from daemon.settings import BrokerSettings

SESSION_S = 24 * 3600
"""So long a broker that speaks MQTT 5 keeps what comes while nobody is connected; under 3.1.1 it decides itself."""
UNREAD = 100
"""Messages that the broker may send ahead of our acknowledgements (MQTT 5), unless told otherwise: more are not in memory."""
CONNECT_S = 10.0
LEAVE_S = 1.0
SOON_S = 5.0
TAKEN_OVER = 0x8E
HOPELESS = {0x85: "client identifier not valid", 0x86: "bad user name or password", 0x87: "not authorized", 0x8A: "banned"}
"""Refusals that another attempt does not change."""


class SessionSubscriber(Subscription):
    """By MQTT; the session stays when it hangs up."""

    def __init__(
        self,
        settings: BrokerSettings,
        client_id: str,
        topics: Sequence[str],
        group: str | None = None,
        n_unread: int = UNREAD,
    ) -> None:
        """The client id names the session. `group`: those who share the messages, each of which goes to one of them.

        `n_unread`: messages that the broker may send ahead of our acknowledgements. Raises SettingsError for a file that is
        named and of no use.
        """
        super().__init__("subscriber", LEAVE_S)
        access.check(settings)
        self._settings = settings
        self._client_id = client_id
        self._group = group
        self._n_unread = n_unread
        self._topics = [f"$share/{group}/{topic}" for topic in topics] if group else topics
        self._protocol = "5" if settings.protocol == "auto" else settings.protocol
        self._is_settled = settings.protocol != "auto"
        self._resumed = self._was_connected = self._is_unsupported = self._has_hung_up = False
        self._why = ""
        self._client: paho.Client | None = None
        self._over = threading.Event()

    def _hang_up(self) -> None:
        if self._client:
            self._client.disconnect()

    # ---- the subscriber's thread ----

    def _work(self) -> None:
        while not self._ending.is_set():
            began_s = time.monotonic()
            trouble = self._connect_once()
            if self._takes_another_version():
                continue
            lasted = self._was_connected and time.monotonic() - began_s >= SOON_S
            if self._was_connected and not lasted:
                # brokers tell who is put out by his double in MQTT 5 at best, and not all do then
                trouble += " soon after it let us in: where another subscriber has our client id, give each its own"
            self._events.put(Gone(trouble))
            self._wait(lasted)

    def _takes_another_version(self) -> bool:
        """Without MQTT 5 some brokers say so, and others just hang up. True when the next attempt need not wait."""
        if self._is_settled:
            return False
        if self._was_connected or self._is_unsupported:
            self._is_settled = True
            self._protocol = "3.1.1" if self._is_unsupported else self._protocol
            return self._is_unsupported
        if self._has_hung_up:
            self._protocol = "3.1.1" if self._protocol == "5" else "5"
        return self._has_hung_up and self._protocol == "3.1.1"

    def _connect_once(self) -> str:
        """One connection, to its end, and why it ended. A client of its own, so that nothing of the last one is left."""
        self._why = ""
        self._was_connected = self._is_unsupported = self._has_hung_up = False
        self._over.clear()
        client = self._client = self._make_client()
        try:
            if self._settings.username:
                client.username_pw_set(self._settings.username, access.password_of(self._settings))
            context = access.tls_context(self._settings)
            if context:
                client.tls_set_context(context)
            self._open(client)
        except Exception as trouble:
            return access.explain(trouble, self._settings)
        client.loop_start()
        if self._ending.is_set():
            client.disconnect()
        self._over.wait()
        client.loop_stop()
        self._has_hung_up = not (self._why or self._was_connected)
        return self._why or "has hung up"

    def _open(self, client: paho.Client) -> None:
        settings = self._settings
        if self._protocol == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = SESSION_S
            properties.ReceiveMaximum = self._n_unread
            client.connect(settings.host, settings.port, settings.keepalive_s, clean_start=False, properties=properties)
        else:
            client.connect(settings.host, settings.port, settings.keepalive_s)

    def _on_connect(self, client: paho.Client, _data: Any, flags: Any, reason: ReasonCode, granted: Any) -> None:
        self._is_unsupported = reason.value == UNSUPPORTED_PROTOCOL and self._protocol == "5"
        if reason.value in HOPELESS:
            self._events.put(Refused(f"refuses us: {HOPELESS[reason.value]}"))
        elif reason.is_failure:
            self._why = f"refuses us: {reason}"
        elif self._group and (self._protocol != "5" or not getattr(granted, "SharedSubscriptionAvailable", 1)):
            # one that does not know them takes the filter for a plain topic, on which nothing ever comes
            self._events.put(Refused("shares no subscriptions: a group needs a broker with MQTT 5 that does, as mosquitto"))
        else:
            self._was_connected = True
            self._resumed = bool(flags.session_present)
            self._subscribe(client)

    def _subscribe(self, client: paho.Client) -> None:
        """Also in a session that was kept: it may be that of an older version, with other topics."""
        if self._protocol == "5":
            # a group is sent nothing retained
            kept = SubscribeOptions.RETAIN_DO_NOT_SEND if self._group else SubscribeOptions.RETAIN_SEND_IF_NEW_SUB
            options = SubscribeOptions(qos=1, retainHandling=kept)
            client.subscribe([(topic, options) for topic in self._topics])
        else:
            client.subscribe([(topic, 1) for topic in self._topics])

    def _on_subscribe(self, _client: paho.Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Any) -> None:
        refused = [topic for topic, reason in zip(self._topics, reasons) if reason.is_failure]
        if refused:
            self._events.put(Refused(f"does not let us subscribe to {', '.join(refused)}: check its access rules"))
        else:
            self._events.put(Connected(self._protocol, self._resumed))

    def _on_disconnect(self, client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        if reason_told(client, reason).value == TAKEN_OVER:
            self._events.put(
                Refused("says that another subscriber has taken our client id: give each its own with --client-id")
            )
        self._over.set()

    def _on_message(self, client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        def done() -> None:
            if message.qos:
                with suppress(OSError, ValueError):
                    client.ack(message.mid, message.qos)

        self._events.put(Arrived(message.topic, bytes(message.payload), bool(message.retain), done))

    def _make_client(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            clean_session=None if self._protocol == "5" else False,
            protocol=PROTOCOLS[self._protocol],
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_S
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client
