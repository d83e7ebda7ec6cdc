"""paho's client, with what it gets wrong put right. Only here are its insides touched."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Mapping

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

UNNAMED = 0x83
"""MQTT's reason code for what it has no name for."""
UNLISTED = {0x95: "Packet too large"}
"""What brokers say in acknowledgements although MQTT 5 lists it elsewhere alone."""


class MendedClient(paho.Client):
    """paho ends a connection over a reason that MQTT 5 does not list for acknowledgements; mosquitto gives such ones. And a
    broker that does not answer in the TLS handshake has to be left in time."""

    handshake_s: float = 10.0
    """For TLS; paho itself waits as long as for a ping."""
    unlisted: int | None = None
    """The reason of the acknowledgement that is being read, if it is one of these."""

    def _ssl_wrap_socket(self, tcp_sock: Any) -> Any:
        keepalive_s, self._keepalive = self._keepalive, self.handshake_s  # type: ignore[assignment]
        try:
            return super()._ssl_wrap_socket(tcp_sock)
        finally:
            self._keepalive = keepalive_s

    def _handle_pubackcomp(self, cmd: Any) -> MQTTErrorCode:
        packet, self.unlisted = self._in_packet["packet"], None
        if self._protocol == paho.MQTTv5 and len(packet) > 2 and not _is_listed(packet[2]):
            self.unlisted, packet[2] = packet[2], UNNAMED
        return super()._handle_pubackcomp(cmd)


def _is_listed(code: int) -> bool:
    with suppress(KeyError, ValueError, AssertionError):
        ReasonCode(PacketTypes.PUBACK, identifier=code)
        return True
    return False


def reason_told(client: paho.Client, reason: ReasonCode) -> ReasonCode:
    """The reason of the broker's DISCONNECT: paho 2.1 passes over one that comes without properties."""
    packet: Mapping[str, Any] = getattr(client, "_in_packet", {})
    raw = bytes(packet.get("packet", b""))[:1]
    if raw and not reason.is_failure:
        with suppress(KeyError, AssertionError):
            return ReasonCode(PacketTypes.DISCONNECT, identifier=raw[0])
    return reason
