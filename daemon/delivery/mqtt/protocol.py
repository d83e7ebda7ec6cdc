"""Which version of MQTT is spoken, with a broker that may not have the newest."""

from __future__ import annotations

from daemon.delivery.mqtt.connection import UNSUPPORTED_PROTOCOL, Connection


class ProtocolChoice:
    """Version 5, and 3.1.1 where the broker has no 5.

    Some brokers say so; that holds for as long as the service runs. Others just hang up, as one does that is being started:
    then 3.1.1 is tried next, but the connection after that begins with 5 again.
    """

    def __init__(self, setting: str) -> None:
        """`setting`: "auto", or the one version that is allowed."""
        self._is_open = setting == "auto"
        self._has_five: bool | None = None
        self.next = "5" if self._is_open else setting

    def ended(self, connection: Connection) -> bool:
        """What a connection that is over has taught; True when the next attempt need not wait."""
        if not self._is_open:
            return False
        ended, accepted, was_five = connection.ended, connection.accepted is not None, connection.protocol == "5"
        if was_five and accepted:
            self._has_five = True
        told = ended is not None and ended.code == UNSUPPORTED_PROTOCOL
        if was_five and told and not self._has_five:
            self._has_five = False
        silently = was_five and not accepted and ended is not None and ended.hung_up
        three = self._has_five is False or (silently and self._has_five is None)
        self.next = "3.1.1" if three else "5"
        return was_five and three
