"""A private cluster of RabbitMQ nodes on loopback, by the settings of deploy/fleet: killed, brought back, parted, joined."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Sequence

from benchmarks.relays import Link, Relays
from daemon.demo.broker import free_port

FLEET = Path(__file__).parents[1] / "deploy" / "fleet"
PROGRAMS = Path("/usr/lib/rabbitmq/bin")
START_S = 300.0
TICK_S = 8
"""So long until a node that says nothing counts as gone: less than in a fleet, so that a round takes a minute."""
QUEUE = "affectd-events"


def missing() -> str | None:
    """Why there can be none here."""
    if all(shutil.which(needed) for needed in (str(PROGRAMS / "rabbitmq-server"), "epmd", "erl")):
        return None
    return "RabbitMQ is not installed: type `sudo apt install rabbitmq-server`"


class Node:
    """One of them."""

    def __init__(self, number: int, home: Path) -> None:
        self.number = number
        self.home = home
        self.name = f"rabbit{number}@broker{number}"
        self.mqtt_port, self.amqp_port, self.dist_port = free_port(), free_port(), free_port()
        self.child: subprocess.Popen[bytes] | None = None

    def pids(self) -> list[int]:
        """Its processes."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                # the program's name, in brackets, may hold spaces
                words = stat.read_text().rpartition(")")[2].split()
                if self.child and int(words[2]) == self.child.pid:
                    found.append(int(stat.parent.name))
        return found

    def said(self) -> str:
        """The end of its log."""
        return (self.home / "said").read_text(errors="replace")[-2000:]


class Rabbits:
    """Use it as a context; everything goes when it ends."""

    def __init__(self, n_nodes: int = 3, cabins: Sequence[str] = ()) -> None:
        """`cabins`: users that may write their own trees. `certificates` has one for each, and for `bench` and `collector`."""
        self._folder = tempfile.TemporaryDirectory(prefix="affectd-rabbits-")
        home = Path(self._folder.name)
        self.certificates = home / "certificates"
        self._cabins = cabins
        self.nodes = [Node(number, home / f"node{number}") for number in range(1, n_nodes + 1)]
        self._epmd_port = free_port()
        self._epmd: subprocess.Popen[bytes] | None = None
        pairs = [(one, other) for one in self.nodes for other in self.nodes if one is not other]
        self._to_names = [_link(one, other, self._epmd_port) for one, other in pairs]
        self._to_node = {(one.number, other.number): _link(one, other, other.dist_port) for one, other in pairs}
        self._relays = Relays()

    def __enter__(self) -> Rabbits:
        try:
            self._make_certificates()
            for node in self.nodes:
                self._prepare(node)
            with (Path(self._folder.name) / "epmd").open("wb") as log:
                command = ["epmd", "-address", "127.0.0.1", "-port", str(self._epmd_port)]
                self._epmd = subprocess.Popen(command, env=self._environment(), stdin=subprocess.DEVNULL, stderr=log)
            await_port(self._epmd_port, self._epmd, lambda: "epmd does not run")
            self._relays.__enter__()
            self._relays.open(self._to_names)
            # the first alone: the others find it, and not each other
            for some in (self.nodes[:1], self.nodes[1:]):
                for node in some:
                    self.start(node)
                for node in some:
                    self.await_up(node)
            self._import_definitions()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            self.kill(node)
        if self._epmd:
            self._epmd.kill()
            self._epmd.wait()
        with suppress(RuntimeError):
            self._relays.__exit__()
        self._folder.cleanup()

    def start(self, node: Node) -> None:
        """It is not up yet when this returns."""
        # it makes sure that nobody at all listens on its port
        self._relays.close(self._towards(node))
        with (node.home / "said").open("ab") as log:
            node.child = subprocess.Popen(
                [str(PROGRAMS / "rabbitmq-server")],
                env=self._environment(node),
                cwd=node.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        await_port(node.dist_port, node.child, node.said)
        self._relays.open(self._towards(node))

    def await_up(self, node: Node) -> None:
        """It lets cabins in."""
        assert node.child is not None
        for port in (node.amqp_port, node.mqtt_port):
            await_port(port, node.child, node.said)

    def kill(self, node: Node) -> None:
        """SIGKILL, to all of it."""
        if node.child:
            with suppress(ProcessLookupError):
                os.killpg(node.child.pid, signal.SIGKILL)
            node.child.wait()
            node.child = None

    def part(self, node: Node) -> None:
        """It and the others do not hear each other any more; cabins and collectors still reach them all."""
        self._relays.part(self._around(node))

    def join(self, node: Node) -> None:
        """They hear each other again."""
        self._relays.join(self._around(node))

    def control(self, *arguments: str) -> str:
        """What `rabbitmqctl` says, of the first node."""
        command = [str(PROGRAMS / "rabbitmqctl"), "--quiet", *arguments]
        done = subprocess.run(command, env=self._environment(self.nodes[0]), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"rabbitmqctl {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def queue_members(self) -> list[str]:
        """The nodes that hold the queue."""
        rows: list[Any] = json.loads(self.control("list_queues", "name", "members", "--formatter", "json"))
        return next(list(row["members"]) for row in rows if row["name"] == QUEUE)

    def _around(self, node: Node) -> list[Link]:
        return [link for pair, link in self._to_node.items() if node.number in pair]

    def _towards(self, node: Node) -> list[Link]:
        return [link for pair, link in self._to_node.items() if node.number == pair[1]]

    def _make_certificates(self) -> None:
        script = [str(FLEET / "certificates.sh"), str(self.certificates)]
        for more in (["authority"], ["broker", "broker", "127.0.0.1"], ["client", "collector"], ["client", "bench"]):
            subprocess.run([*script, *more], check=True)
        if self._cabins:
            subprocess.run([*script, "cabin", *self._cabins], check=True)
        (self.certificates / "bench.json").write_text(json.dumps(_bench_user()))

    def _import_definitions(self) -> None:
        """All in one: a call takes seconds."""
        merged: dict[str, list[Any]] = {}
        for path in (FLEET / "rabbitmq" / "definitions.json", *sorted(self.certificates.glob("*.json"))):
            for kind, some in json.loads(path.read_text()).items():
                merged.setdefault(kind, []).extend(some)
        definitions = Path(self._folder.name) / "definitions.json"
        definitions.write_text(json.dumps(merged))
        self.control("import_definitions", str(definitions))

    def _prepare(self, node: Node) -> None:
        home = node.home
        (home / "conf.d").mkdir(parents=True)
        shutil.copy(FLEET / "rabbitmq" / "10-affectd.conf", home / "conf.d")
        shutil.copy(FLEET / "rabbitmq" / "enabled_plugins", home / "enabled_plugins")
        peers = "".join(f"cluster_formation.classic_config.nodes.{one.number} = {one.name}\n" for one in self.nodes)
        (home / "conf.d" / "90-here.conf").write_text(
            f"listeners.ssl.default = 127.0.0.1:{node.amqp_port}\n"
            f"mqtt.listeners.ssl.default = 127.0.0.1:{node.mqtt_port}\n"
            f"ssl_options.cacertfile = {self.certificates}/authority.pem\n"
            f"ssl_options.certfile = {self.certificates}/broker.pem\n"
            f"ssl_options.keyfile = {self.certificates}/broker.key\n"
            f"{peers}"
            "cluster_formation.randomized_startup_delay_range.min = 0\n"
            "cluster_formation.randomized_startup_delay_range.max = 1\n"
            f"net_ticktime = {TICK_S}\n"
            "disk_free_limit.absolute = 1MB\n"
        )
        # what this node takes for the others' addresses: the near ends of the links to them
        hosts = [(node.number, "127.0.0.1", ["localhost"])]
        hosts += [(other.number, _seen_from(node, other), []) for other in self.nodes if other is not node]
        lines = [
            f"{{host,{{{address.replace('.', ',')}}},{json.dumps([f'broker{number}', *more])}}}."
            for number, address, more in hosts
        ]
        (home / "inetrc").write_text("\n".join(["{lookup,[file]}.", *lines, ""]))
        (home / ".erlang.cookie").write_text("affectd")
        (home / ".erlang.cookie").chmod(0o400)

    def _environment(self, node: Node | None = None) -> dict[str, str]:
        every = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "ERL_EPMD_PORT": str(self._epmd_port)}
        if node is None:
            return every
        return {
            **every,
            "HOME": str(node.home),
            "ERL_INETRC": str(node.home / "inetrc"),
            "RABBITMQ_NODENAME": node.name,
            "RABBITMQ_DIST_PORT": str(node.dist_port),
            "RABBITMQ_CONFIG_FILE": str(node.home / "none"),
            "RABBITMQ_CONFIG_FILES": str(node.home / "conf.d"),
            "RABBITMQ_CONF_ENV_FILE": str(node.home / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(node.home / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(node.home / "data"),
            "RABBITMQ_LOG_BASE": str(node.home / "log"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none",
        }


def _link(one: Node, other: Node, port: int) -> Link:
    return Link((_seen_from(one, other), port), [("127.0.0.1", port)])


def _seen_from(one: Node, other: Node) -> str:
    return f"127.0.{one.number}.{other.number}"


def _bench_user() -> dict[str, Any]:
    """A user for all simulated cabins: a certificate for each would be an openssl's work, and no broker's."""
    rights = {"user": "bench", "vhost": "/"}
    return {
        "users": [{"name": "bench", "password_hash": "", "tags": []}],
        "permissions": [
            {**rights, "configure": "^mqtt-", "write": "^(amq\\.topic|mqtt-.*)$", "read": "^(amq\\.topic|mqtt-.*)$"}
        ],
        "topic_permissions": [{**rights, "exchange": "amq.topic", "write": "^affectd\\.", "read": "^affectd\\."}],
    }


def await_port(port: int, child: subprocess.Popen[bytes], said: Any) -> None:
    """Until somebody listens there, or the process has ended."""
    until_s = time.monotonic() + START_S
    while child.poll() is None and time.monotonic() < until_s:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nobody listens on port {port}: {said()}")
