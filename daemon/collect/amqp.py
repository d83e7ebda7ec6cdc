"""A queue of RabbitMQ's, over AMQP 0-9-1: several may read from it, and what one has not acknowledged another is given."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from functools import partial
from typing import Any, Callable

import pika
import pika.exceptions
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection

from daemon.delivery.mqtt import access
from daemon.delivery.subscription import Arrived, Connected, Gone, Refused, Subscription
from daemon.settings import BrokerSettings

CONNECT_S = 10.0
LEAVE_S = 5.0
NO_SUCH, NOT_ALLOWED = 404, 403


class QueueSubscriber(Subscription):
    """By AMQP; what was acknowledged is told before it hangs up.

    A message is the queue's until `done` is called, and goes to whoever reads from it if that never happens.
    """

    def __init__(self, settings: BrokerSettings, queue_name: str, n_unread: int) -> None:
        """`n_unread`: messages that the broker may send ahead of our acknowledgements.

        With a certificate and no user name the certificate's name is ours (SASL EXTERNAL). Raises SettingsError for a file
        that is named and of no use.
        """
        super().__init__("queue", LEAVE_S)
        access.check(settings)
        self._settings = settings
        self._queue_name = queue_name
        self._n_unread = n_unread
        self._was_connected = False
        self._is_in = False
        self._connection: BlockingConnection | None = None
        self._stop: Callable[[], None] = lambda: None

    def _hang_up(self) -> None:
        connection = self._connection
        if connection:
            # behind the acknowledgements
            with suppress(pika.exceptions.AMQPError):
                connection.add_callback_threadsafe(self._stop)

    # ---- the subscriber's thread ----

    def _work(self) -> None:
        while not self._ending.is_set():
            self._is_in = False
            event = self._connect_once()
            self._events.put(event)
            if isinstance(event, Refused):
                return
            self._wait(self._is_in)

    def _connect_once(self) -> Gone | Refused:
        """One connection, to its end, and why it ended."""
        try:
            self._connection = connection = BlockingConnection(self._parameters())
            self._consume(connection)
        except (pika.exceptions.ProbableAuthenticationError, pika.exceptions.AuthenticationError):
            return Refused("refuses us: bad user name, password or certificate")
        except pika.exceptions.ProbableAccessDeniedError:
            return Refused("refuses us: our user may not enter its virtual host /")
        except pika.exceptions.ChannelClosedByBroker as trouble:
            return self._channel_closed(trouble)
        except (pika.exceptions.AMQPError, OSError) as trouble:
            return Gone(self._explain(trouble))
        finally:
            if self._connection:
                _close(self._connection)
            self._connection = None
        return Gone("has been left")

    def _consume(self, connection: BlockingConnection) -> None:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=self._n_unread)
        channel.queue_declare(self._queue_name, passive=True)
        acknowledge = _Acknowledging(connection, channel)
        channel.basic_consume(self._queue_name, partial(self._on_message, acknowledge))
        self._stop = channel.stop_consuming
        self._was_connected = self._is_in = True
        self._events.put(Connected("AMQP 0-9-1", resumed=False))
        if not self._ending.is_set():
            channel.start_consuming()

    def _on_message(self, acknowledge: _Acknowledging, _channel: Any, method: Any, _properties: Any, payload: bytes) -> None:
        # the MQTT plugin's way with topics
        topic = str(method.routing_key).replace(".", "/")
        self._events.put(Arrived(topic, payload, False, partial(acknowledge, method.delivery_tag)))

    def _channel_closed(self, trouble: pika.exceptions.ChannelClosedByBroker) -> Gone | Refused:
        if trouble.reply_code == NOT_ALLOWED:
            return Refused(f"does not let us read from its queue {self._queue_name}: check its access rules")
        # while its nodes are parted it may not know of the queue
        if trouble.reply_code == NO_SUCH and not self._was_connected:
            return Refused(f"has no queue {self._queue_name}: import deploy/fleet/rabbitmq/definitions.json there")
        return Gone(f"has closed the queue: {trouble.reply_text}")

    def _explain(self, trouble: Exception) -> str:
        inner = next((one for one in _causes(trouble) if isinstance(one, OSError)), None)
        if inner is not None and not self._is_in:
            return access.explain(inner, self._settings)
        return "has hung up" if self._is_in else f"does not let us in ({type(trouble).__name__})"

    def _parameters(self) -> pika.ConnectionParameters:
        settings = self._settings
        context = access.tls_context(settings)
        more: dict[str, Any] = {"ssl_options": pika.SSLOptions(context, settings.host)} if context else {}
        credentials: Any = pika.PlainCredentials(settings.username or "guest", access.password_of(settings) or "guest")
        if settings.cert_file and not settings.username:
            credentials = pika.credentials.ExternalCredentials()
        return pika.ConnectionParameters(
            settings.host,
            settings.port,
            credentials=credentials,
            heartbeat=settings.keepalive_s,
            socket_timeout=CONNECT_S,
            stack_timeout=CONNECT_S,
            **more,
        )


class _Acknowledging:
    """Brings acknowledgements, from any thread, to the connection's; after its end they are nobody's."""

    def __init__(self, connection: BlockingConnection, channel: BlockingChannel) -> None:
        self._connection = connection
        self._channel = channel
        self._tags: deque[int] = deque()

    def __call__(self, tag: int) -> None:
        self._tags.append(tag)
        if len(self._tags) == 1:
            with suppress(pika.exceptions.AMQPError):
                self._connection.add_callback_threadsafe(self._send)

    def _send(self) -> None:
        while self._tags:
            self._channel.basic_ack(self._tags.popleft())


def _close(connection: BlockingConnection) -> None:
    with suppress(pika.exceptions.AMQPError, OSError):
        connection.close()


def _causes(trouble: BaseException | None) -> list[BaseException]:
    """pika wraps what the socket said, in its arguments or as a cause."""
    if trouble is None:
        return []
    inner = [one for one in trouble.args if isinstance(one, BaseException)]
    inner += [one for one in (trouble.__cause__, getattr(trouble, "exception", None)) if isinstance(one, BaseException)]
    return [trouble, *(deeper for one in inner for deeper in _causes(one))]
