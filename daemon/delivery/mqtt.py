"""Delivery over MQTT: the only file of the service that knows paho."""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from typing import Any, Callable

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from daemon.delivery.outbox import Letter, Outbox
from daemon.errors import SettingsError
from daemon.settings import BrokerSettings

logger = logging.getLogger(__name__)

PREFIX = "affectd"
IN_FLIGHT = 20
FIRST_RETRY_S = 1
LONGEST_RETRY_S = 30
SAY_AGAIN_S = 60.0
PROTOCOLS = {"5": paho.MQTTv5, "3.1.1": paho.MQTTv311}

_Task = Callable[[], None]


class MqttDelivery:
    """Publishes the outbox, in order, QoS 1, and empties it as the broker acknowledges.

    paho calls back from its own thread while it holds its locks, so callbacks only hand over a task; one thread of our
    own works these off and is the only one that publishes letters.
    """

    def __init__(self, settings: BrokerSettings, node: str, outbox: Outbox, at: Callable[[], str]) -> None:
        """`at`: the date for availability messages. Raises SettingsError for a password file that cannot be read."""
        self._settings = settings
        self._node = node
        self._outbox = outbox
        self._at = at
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._in_flight: dict[int, int] = {}
        self._last_sent = 0
        self._said_waiting = ("", float("-inf"))
        self._n_refused = 0
        self._connected = threading.Event()
        self._greeting: int | None = None
        self._resent = threading.Event()
        self._drained = threading.Event()
        self._client = self._make_client()
        self._thread = threading.Thread(target=self._work, name="delivery", daemon=True)
        outbox.on_commit = lambda: self._tasks.put(self._pump)

    @property
    def connected(self) -> bool:
        """True while the broker answers."""
        return self._connected.is_set()

    @property
    def n_refused(self) -> int:
        """Letters that the broker would not have."""
        return self._n_refused

    def start(self) -> None:
        """Begin to connect; a broker that is not there yet is waited for."""
        self._thread.start()
        self._client.connect_async(self._settings.host, self._settings.port, self._settings.keepalive_s)
        self._client.loop_start()

    def stop(self, patience_s: float) -> int:
        """Deliver what is left, for at most `patience_s`; say `stopped`; hang up. Letters that stay undelivered."""
        # also without a connection: it may be about to come
        self._drained.clear()
        self._tasks.put(self._pump)
        self._drained.wait(patience_s)
        self._tasks.put(None)
        self._thread.join()
        if self.connected:
            topic = f"{PREFIX}/{self._node}/availability"
            farewell = self._client.publish(topic, self._availability("stopped"), qos=1, retain=True)
            if farewell.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
                farewell.wait_for_publish(patience_s)
        self._client.disconnect()
        self._client.loop_stop()
        return len(self._outbox)

    def publish_health(self, body: dict[str, Any]) -> None:
        """Send /health: QoS 0, only while the broker answers, never kept."""
        if self.connected:
            self._client.publish(
                f"{PREFIX}/{self._node}/health", json.dumps(body, separators=(",", ":"), allow_nan=False), qos=0
            )

    # ---- the delivery thread ----

    def _work(self) -> None:
        while True:
            task = self._tasks.get()
            if task is None:
                return
            task()

    def _pump(self) -> None:
        """Publish as many letters as may be in flight."""
        if self._resent.is_set():
            for letter in self._outbox.after(self._last_sent, IN_FLIGHT - len(self._in_flight)):
                if not self._publish(letter):
                    break
        if not len(self._outbox):
            self._drained.set()

    def _publish(self, letter: Letter) -> bool:
        sent = self._client.publish(
            f"{PREFIX}/{self._node}/{letter.topic}",
            letter.payload,
            qos=1,
            retain=letter.retain,
            properties=self._properties(letter),
        )
        # without a connection paho keeps the letter and sends it when there is one: it counts as in flight
        if sent.rc not in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN):
            logger.warning("seq %d could not be published: %s", letter.seq, paho.error_string(sent.rc))
            return False
        self._in_flight[sent.mid] = letter.seq
        self._last_sent = letter.seq
        return True

    def _acknowledged(self, mid: int, reason: ReasonCode) -> None:
        seq = self._in_flight.pop(mid, None)
        if seq is not None:
            if reason.is_failure:
                self._n_refused += 1
                logger.error(
                    "the broker refused seq %d: %s; check its access rules for %s/%s/#", seq, reason, PREFIX, self._node
                )
            self._outbox.delivered(seq)
        self._pump()

    # ---- paho's thread ----

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        where = f"{self._settings.host}:{self._settings.port}"
        if reason.is_failure:
            self._say_waiting("broker %s refuses: %s; check the user name and the password file. I keep trying", where, reason)
            return
        logger.info("broker %s has accepted (MQTT %s)", where, self._settings.protocol)
        self._said_waiting = ("", float("-inf"))
        # after this, paho sends again what the last connection left open: new letters must not overtake that, so they
        # wait until the greeting, which went first, is acknowledged
        self._greeting = client.publish(
            f"{PREFIX}/{self._node}/availability", self._availability("online"), qos=1, retain=True
        ).mid
        self._connected.set()

    def _on_connect_fail(self, _client: paho.Client, _data: Any) -> None:
        where = f"{self._settings.host}:{self._settings.port}"
        self._say_waiting("broker %s is not there yet: events are kept, I keep trying", where)

    def _on_disconnect(self, _client: paho.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        was_connected = self.connected
        self._connected.clear()
        self._resent.clear()
        if reason.is_failure and was_connected:
            logger.warning("the broker is gone (%s): events are kept, I connect again", reason)

    def _on_publish(self, _client: paho.Client, _data: Any, mid: int, reason: ReasonCode, _properties: Any) -> None:
        if mid == self._greeting:
            self._resent.set()
        self._tasks.put(lambda: self._acknowledged(mid, reason))

    def _say_waiting(self, text: str, *facts: object) -> None:
        """Each trouble when it begins, and then not at every attempt."""
        now = time.monotonic()
        said, at = self._said_waiting
        if text != said or now - at >= SAY_AGAIN_S:
            self._said_waiting = (text, now)
            logger.warning(text, *facts)

    # ---- what both need ----

    def _make_client(self) -> paho.Client:
        settings = self._settings
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id or f"{PREFIX}-{self._node}",
            protocol=PROTOCOLS[settings.protocol],
        )
        if settings.username:
            client.username_pw_set(settings.username, read_password(settings.password_file))
        client.max_inflight_messages_set(IN_FLIGHT)
        client.reconnect_delay_set(FIRST_RETRY_S, LONGEST_RETRY_S)
        client.will_set(f"{PREFIX}/{self._node}/availability", self._availability("offline"), qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        return client

    def _availability(self, status: str) -> bytes:
        body = {
            "schema": "affectd/availability/1",
            "node": self._node,
            "boot": self._outbox.boot,
            "at": self._at(),
            "status": status,
        }
        return json.dumps(body, separators=(",", ":")).encode()

    def _properties(self, letter: Letter) -> Properties | None:
        if self._settings.protocol != "5":
            return None
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ContentType = "application/json"
        properties.UserProperty = [("boot", self._outbox.boot), ("seq", str(letter.seq))]
        if letter.expiry_s is not None:
            properties.MessageExpiryInterval = letter.expiry_s
        return properties


def read_password(path: str) -> str | None:
    """First line of the file; None for an empty path. Raises SettingsError naming the file."""
    if not path:
        return None
    try:
        with open(path, encoding="utf-8") as file:
            return file.readline().rstrip("\r\n")
    except OSError as trouble:
        raise SettingsError(f"[broker] password_file {path}: cannot be read: {trouble.strerror}") from trouble
    except UnicodeDecodeError as trouble:
        raise SettingsError(f"[broker] password_file {path}: cannot be read: it is no UTF-8 text") from trouble
