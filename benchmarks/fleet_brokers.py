"""The two brokers that a fleet is measured with, by the settings of deploy/fleet: one mosquitto, and three RabbitMQ nodes."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from benchmarks.process import look
from benchmarks.rabbits import FLEET, QUEUE, Rabbits, await_port
from benchmarks.relays import Link, Relays
from daemon.demo.broker import PLACES, free_port
from daemon.settings import BrokerSettings

LONGEST_RETRY_S = 15.0
"""Between two attempts of a cabin; with fewer cabins than a fleet has, less than its page asks for."""


class Broker(Protocol):
    """Whatever stands in the middle. Use it as a context."""

    name: str
    cabins: BrokerSettings
    backend: list[BrokerSettings]
    queue: str | None
    """None: the backend subscribes over MQTT."""

    def __enter__(self) -> Broker: ...

    def __exit__(self, *_: object) -> None: ...

    def rss_mb(self) -> float:
        """Of all its processes."""

    def kill(self) -> None:
        """One node, without a goodbye."""

    def bring_back(self) -> None:
        """It lets cabins in when this returns."""

    def part(self) -> None:
        """Cut a node off: RabbitMQ's from the other nodes, the one mosquitto from its cabins."""

    def join(self) -> None:
        """It is mended, and lets cabins in when this returns."""


class OneMosquitto:
    """With TLS and its messages on disk."""

    name: str = "one mosquitto"
    queue: str | None = None

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="affectd-fleet-")
        home = Path(self._folder.name)
        script = [str(FLEET / "certificates.sh"), str(home)]
        for more in (["authority"], ["broker", "broker", "127.0.0.1"], ["client", "bench"]):
            subprocess.run([*script, *more], check=True)
        self._port, port = free_port(), free_port()
        self._front = Link(("127.0.0.1", port), [("127.0.0.1", self._port)])
        self._relays = Relays()
        self.cabins = settings(home, "bench", port)
        self.backend = [settings(home, "bench", self._port)]
        lines = (FLEET / "mosquitto" / "affectd.conf").read_text().replace("/etc/mosquitto/fleet", str(home))
        lines = lines.replace("/var/lib/mosquitto/", f"{home}/").replace("listener 8883", f"listener {self._port} 127.0.0.1")
        # it gives up root's rights, and could not read these files then
        (home / "mosquitto.conf").write_text(f"user root\n{lines}log_dest none\n")
        (home / "acl").write_text("user bench\ntopic readwrite affectd/#\n")
        (home / "acl").chmod(0o600)
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> OneMosquitto:
        self._relays.__enter__()
        self._relays.open([self._front])
        self.bring_back()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._relays.__exit__()
        self._folder.cleanup()

    def rss_mb(self) -> float:
        """See Broker."""
        assert self._child is not None
        return look(self._child.pid).rss_mb

    def kill(self) -> None:
        """See Broker."""
        if self._child:
            self._child.kill()
            self._child.wait()
            self._child = None

    def bring_back(self) -> None:
        """See Broker."""
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path=PLACES)
        assert program is not None, "mosquitto is not installed: type `sudo apt install mosquitto`"
        command = [program, "-c", str(Path(self._folder.name) / "mosquitto.conf")]
        self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        await_port(self._port, self._child, lambda: "mosquitto does not run")

    def part(self) -> None:
        """See Broker."""
        self._relays.part([self._front])

    def join(self) -> None:
        """See Broker."""
        self._relays.join([self._front])


class ThreeRabbits:
    """Behind a load balancer, which asks the next node where one does not answer."""

    name: str = "three RabbitMQ nodes"
    queue: str | None = QUEUE

    def __init__(self) -> None:
        self._rabbits = Rabbits(3)
        nodes = self._rabbits.nodes
        self._killed, self._parted = nodes[2], nodes[1]
        port = free_port()
        self._front = Link(("127.0.0.1", port), [("127.0.0.1", node.mqtt_port) for node in nodes])
        self._relays = Relays()
        self.cabins = settings(self._rabbits.certificates, "bench", port)
        # one for each of two nodes; no cabin is left on the one that was killed, so another is parted, with its collector
        self.backend = [settings(self._rabbits.certificates, "collector", node.amqp_port) for node in nodes[:2]]

    def __enter__(self) -> ThreeRabbits:
        self._rabbits.__enter__()
        self._relays.__enter__()
        self._relays.open([self._front])
        assert len(self._rabbits.queue_members()) == 3, "the queue is not on three nodes"
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(RuntimeError):
            self._relays.__exit__()
        self._rabbits.__exit__()

    def rss_mb(self) -> float:
        """See Broker."""
        total = 0.0
        for pid in (pid for node in self._rabbits.nodes for pid in node.pids()):
            with suppress(OSError):
                total += look(pid).rss_mb
        return total

    def kill(self) -> None:
        """See Broker."""
        self._rabbits.kill(self._killed)

    def bring_back(self) -> None:
        """See Broker."""
        self._rabbits.start(self._killed)
        self._rabbits.await_up(self._killed)

    def part(self) -> None:
        """See Broker."""
        self._rabbits.part(self._parted)

    def join(self) -> None:
        """See Broker."""
        self._rabbits.join(self._parted)
        # it has stopped itself, and starts again now that it hears the others
        self._rabbits.await_up(self._parted)


def settings(folder: Path, name: str, port: int) -> BrokerSettings:
    """With the certificate of that name."""
    return BrokerSettings(
        port=port,
        tls=True,
        ca_file=str(folder / "authority.pem"),
        cert_file=str(folder / f"{name}.pem"),
        key_file=str(folder / f"{name}.key"),
        longest_retry_s=LONGEST_RETRY_S,
    )
