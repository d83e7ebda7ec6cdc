"""One connection to a broker, from the first byte to the last. Whoever owns it drives it; it has no thread of its own.

A new one is made for each attempt, so that paho's own queue and what it would send again play no part: what is not
acknowledged is in the outbox. paho's external loop is used, so everything happens on one thread, within `step`.
"""

from __future__ import annotations

import select
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Sequence

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, LogLevel, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from daemon.delivery.mqtt import access
from daemon.delivery.mqtt.paho_mended import UNLISTED, MendedClient, reason_told
from daemon.settings import BrokerSettings

PROTOCOLS = {"5": paho.MQTTv5, "3.1.1": paho.MQTTv311}
MOST_RECEIVED = 65535
HEADER_BYTES = 9
"""Of a PUBLISH, at most, beside its topic, properties and payload."""
UNSUPPORTED_PROTOCOL = 0x84


@dataclass(frozen=True)
class Publication:
    """What is published; `about` goes out as user properties."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    content_type: str | None = None
    about: Sequence[tuple[str, str]] = ()
    expiry_s: int | None = None


@dataclass(frozen=True)
class Accepted:
    """What the broker grants."""

    receive_maximum: int = MOST_RECEIVED
    """So many publications may be unacknowledged."""
    max_packet_bytes: int | None = None
    max_qos: int = 2
    retain: bool = True
    keepalive_s: int | None = None
    """It wants to hear of us at least so often."""


@dataclass(frozen=True)
class Ended:
    """Why a connection is no more, or never was."""

    why: str
    """Goes on after "the broker ..."."""
    code: int | None = None
    """MQTT's reason code, where the broker gave one."""
    hung_up: bool = False
    """The broker did it, or the wire: not we."""


@dataclass(frozen=True)
class Arrived:
    """A message on a topic that is subscribed."""

    topic: str
    payload: bytes
    retained: bool


@dataclass
class Happened:
    """What one step has brought."""

    acknowledged: list[tuple[int, int, str]] = field(default_factory=list)
    """Message id, reason code (from 0x80 on it was refused), its name."""
    arrived: list[Arrived] = field(default_factory=list)
    not_subscribed: list[str] = field(default_factory=list)


class Connection:
    """Of MQTT 5 or 3.1.1. `accepted` and `ended` tell how it stands."""

    def __init__(
        self,
        settings: BrokerSettings,
        client_id: str,
        protocol: str,
        will: Publication | None,
        keepalive_s: int,
        connect_s: float,
    ) -> None:
        """Nothing is sent yet. `will`: what the broker says for us when we are gone without a goodbye."""
        self.protocol = protocol
        self.accepted: Accepted | None = None
        self.ended: Ended | None = None
        self._settings = settings
        self._keepalive_s = keepalive_s
        self._happened = Happened()
        self._subscribing: dict[int, str] = {}
        self._said = ""
        self._client = client = MendedClient(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=PROTOCOLS[protocol], reconnect_on_failure=False
        )
        client.connect_timeout = client.handshake_s = connect_s
        # how many may be in flight is the owner's affair: nothing is to wait in paho
        client.max_inflight_messages_set(0)
        if will:
            client.will_set(will.topic, will.payload, qos=will.qos, retain=will.retain)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_log = self._on_log

    def open(self) -> None:
        """Connect, and ask to be let in. What goes wrong is in `ended`; the answer comes in a step."""
        settings, five = self._settings, self.protocol == "5"
        session_s = settings.session_expiry_s
        more: dict[str, Any] = (
            {"clean_start": not session_s, "properties": _session(PacketTypes.CONNECT, session_s)} if five else {}
        )
        try:
            context = access.tls_context(settings)
            if context:
                self._client.tls_set_context(context)
            if settings.username:
                self._client.username_pw_set(settings.username, access.password_of(settings))
            self._client.connect(settings.host, settings.port, self._keepalive_s, **more)
        except Exception as trouble:
            self._end(Ended(access.explain(trouble, settings)))
            return
        end = self._client.socket()
        if isinstance(end, socket.socket):
            # many small packets, each of which is waited for
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def publish(self, one: Publication) -> int | None:
        """Send it; its message id, None where the connection has just ended."""
        sent = self._client.publish(one.topic, one.payload, one.qos, one.retain, self._properties(one))
        return sent.mid if sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else None

    def n_bytes(self, one: Publication) -> int:
        """Of its packet, at most."""
        properties = self._properties(one)
        extra = len(properties.pack()) if properties else 0  # type: ignore[no-untyped-call]
        return HEADER_BYTES + len(one.topic.encode()) + extra + len(one.payload)

    def subscribe(self, topic: str, qos: int = 1) -> None:
        """What comes there is in `Happened.arrived`."""
        mid = self._client.subscribe(topic, qos=qos)[1]
        if mid is not None:
            self._subscribing[mid] = topic

    @property
    def awaits_subscription(self) -> bool:
        """A subscription is not answered. If it has ended so, it may have been for that, and for nothing else."""
        return bool(self._subscribing)

    @property
    def hung_up_after_subscription(self) -> bool:
        """The broker has hung up, and not for what we subscribed."""
        return bool(self.ended and self.ended.hung_up) and not self.awaits_subscription

    def step(self, patience_s: float, wake: socket.socket) -> Happened:
        """Wait until something happens, `wake` can be read, or for so long; what has happened."""
        try:
            self._step(patience_s, wake)
        except Exception as trouble:
            # paho trusts that what it reads is MQTT
            self._end(Ended(f"sends what is no MQTT ({type(trouble).__name__}: {trouble})"[:200], hung_up=True))
        happened, self._happened = self._happened, Happened()
        return happened

    def hang_up(self) -> None:
        """Say goodbye: the last will is not published, and no session is kept."""
        with suppress(Exception):
            if self.protocol == "5":
                self._client.disconnect(properties=_session(PacketTypes.DISCONNECT, 0))
            else:
                self._client.disconnect()
        self.cut("has been left")

    def cut(self, why: str) -> None:
        """Close without a goodbye: the broker will publish the last will."""
        self._end(Ended(why))

    def _step(self, patience_s: float, wake: socket.socket) -> None:
        end = self._client.socket()
        if self.ended or end is None:
            self._end(Ended("has hung up", hung_up=True))
            return
        waiting = select.poll()
        waiting.register(wake, select.POLLIN)
        waiting.register(end.fileno(), select.POLLIN | (select.POLLOUT if self._client.want_write() else 0))
        # TLS may hold bytes that it has read already
        unread = getattr(end, "pending", int)()
        ready = {number for number, _ in waiting.poll(0 if unread else max(0.0, patience_s) * 1000.0)}
        if wake.fileno() in ready:
            with suppress(BlockingIOError):
                wake.recv(4096)
        if unread or end.fileno() in ready:
            self._client.loop_read()
            self._client.loop_write()
        self._client.loop_misc()

    def _end(self, ended: Ended) -> None:
        if self.ended is None:
            self.ended = ended
        end = self._client.socket()
        if end is not None:
            with suppress(OSError):
                end.close()

    # ---- paho's callbacks, within `open` and `step` ----

    def _on_connect(self, _client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, properties: Any) -> None:
        if reason.is_failure:
            self._end(Ended(f"refuses: {reason}", reason.value))
            return
        granted = vars(properties)
        self.accepted = Accepted(
            granted.get("ReceiveMaximum", MOST_RECEIVED),
            granted.get("MaximumPacketSize"),
            granted.get("MaximumQoS", 2),
            bool(granted.get("RetainAvailable", 1)),
            granted.get("ServerKeepAlive"),
        )

    def _on_disconnect(self, client: paho.Client, _data: Any, flags: Any, reason: ReasonCode, _properties: Any) -> None:
        if flags.is_disconnect_packet_from_server:
            reason = reason_told(client, reason)
            self._end(Ended(f"has hung up: {reason}", reason.value, hung_up=True))
        elif self._said:
            self._end(Ended(access.of_tls(self._said), hung_up=True))
        elif reason.getName() == "Keep alive timeout":
            self._end(Ended("does not answer any more"))
        elif self.accepted:
            self._end(Ended("has hung up", hung_up=True))
        else:
            self._end(Ended(f"has hung up before it answered: {access.before_an_answer(self._settings)}", hung_up=True))

    def _on_publish(self, _client: paho.Client, _data: Any, mid: int, reason: ReasonCode, _properties: Any) -> None:
        code, name = reason.value, reason.getName()
        unlisted = self._client.unlisted
        if unlisted is not None:
            code, name = unlisted, UNLISTED.get(unlisted, f"reason 0x{unlisted:02X}")
        self._happened.acknowledged.append((mid, code, name))

    def _on_subscribe(self, _client: paho.Client, _data: Any, mid: int, reasons: list[ReasonCode], _properties: Any) -> None:
        topic = self._subscribing.pop(mid, None)
        if topic and any(reason.is_failure for reason in reasons):
            self._happened.not_subscribed.append(topic)

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        self._happened.arrived.append(Arrived(message.topic, bytes(message.payload), bool(message.retain)))

    def _on_log(self, _client: paho.Client, _data: Any, level: int, text: str) -> None:
        # what TLS 1.3 says of our certificate comes after the handshake, and paho tells it to its log alone
        if level != LogLevel.MQTT_LOG_ERR or self.accepted or self._said:
            return
        end = self._client.socket()
        if "[SSL" in text:
            self._said = text
        elif isinstance(end, ssl.SSLSocket):
            # it failed to write: why is still to be read
            try:
                end.recv(1)
            except ssl.SSLError as trouble:
                self._said = str(trouble) if "ALERT" in str(trouble) else ""
            except (OSError, ValueError):
                return

    def _properties(self, one: Publication) -> Properties | None:
        if self.protocol != "5":
            return None
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if one.content_type:
            properties.ContentType = one.content_type
        if one.about:
            properties.UserProperty = list(one.about)
        if one.expiry_s is not None:
            properties.MessageExpiryInterval = one.expiry_s
        return properties


def _session(packet: int, expiry_s: int) -> Properties:
    properties = Properties(packet)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = expiry_s
    return properties
