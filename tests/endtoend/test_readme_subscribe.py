"""The README's subscribers, taken from its text and run: each shows what came while it was away, and what comes now."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from daemon.demo.broker import PrivateBroker
from tests.daemon.wire import PATIENCE_S

ROOT = Path(__file__).parents[2]
NODE_RED = os.environ.get("AFFECTD_NODE_RED") or shutil.which("node-red")
HOST = '"127.0.0.1"'


def block(language: str, holds: str) -> str:
    """The only block of that language in the README's section that holds these words."""
    section = re.search(r"^## Subscribe\n(.*?)^## ", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert section
    (found,) = (text for text in re.findall(rf"```{language}\n(.*?)```", section[1], re.DOTALL) if holds in text)
    return str(found)


def utterance(seq: int) -> bytes:
    body = {"schema": "affectd/utterance/1", "node": "cabin", "source": "driver", "boot": "b1", "seq": seq}
    more = {"at": "2026-11-20T23:05:06.037Z", "label": f"label-{seq}", "confidence": 0.62}
    return json.dumps({**body, **more}).encode()


@contextmanager
def publishing(port: int) -> Iterator[Callable[[int], None]]:
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        yield lambda seq: client.publish("affectd/cabin/driver/utterance", utterance(seq), qos=1).wait_for_publish(PATIENCE_S)
    finally:
        client.disconnect()
        client.loop_stop()


class Running:
    """A child and the lines that it has written. Use it as a context; it is killed in the end."""

    def __init__(self, command: list[str], **more: Any) -> None:
        self._child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
        self._changed = threading.Condition()
        self.lines: list[str] = []
        self._ended = False
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.kill()
        self._child.wait()

    def await_line(self, holds: str, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Until a line holds these words; `meanwhile` is done again and again until then."""
        until_s = time.monotonic() + PATIENCE_S
        with self._changed:
            while not any(holds in line for line in self.lines):
                assert not self._ended, self.lines[-10:]
                assert time.monotonic() < until_s, self.lines[-10:]
                meanwhile()
                self._changed.wait(0.1)

    def _read(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            with self._changed:
                self.lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


def check_subscriber(command: list[str], port: int) -> None:
    with publishing(port) as publish:
        with Running(command) as first:
            # nobody can say from outside when it is subscribed
            first.await_line("label-1", meanwhile=lambda: publish(1))
        publish(2)
        with Running(command) as second:
            second.await_line("label-2")
            publish(3)
            second.await_line("label-3")
        assert not any("Traceback" in line for line in first.lines + second.lines)


def test_ten_lines_of_python(tmp_path: Path) -> None:
    text = block("python", "import paho")
    assert len([line for line in text.splitlines() if line]) <= 10
    assert text.count(HOST) == 1
    with PrivateBroker() as broker:
        script = tmp_path / "subscriber.py"
        script.write_text(text.replace(HOST, f"{HOST}, {broker.port}"), encoding="utf-8")
        check_subscriber([sys.executable, str(script)], broker.port)


@pytest.mark.parametrize("version", ["5", "311"])
def test_mosquitto_sub(version: str) -> None:
    text = block("sh", "mosquitto_sub").strip()
    with PrivateBroker() as broker:
        check_subscriber(["sh", "-c", f"exec {text} -V {version} -p {broker.port}"], broker.port)


def test_affectd_listen() -> None:
    command = block("sh", "affectd listen").split("#")[0].split()
    assert command[:3] == ["affectd", "listen", "--broker"]
    with PrivateBroker() as broker:
        arguments = [*command[1:3], f"127.0.0.1:{broker.port}", *command[4:]]
        check_subscriber(["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "daemon", *arguments], broker.port)


def flow() -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = json.loads(block("json", "mqtt in"))
    return nodes


def test_the_flow_of_node_red_hangs_together() -> None:
    by_type = {node["type"]: node for node in flow()}
    assert set(by_type) == {"mqtt-broker", "mqtt in", "debug"}
    broker, subscriber = by_type["mqtt-broker"], by_type["mqtt in"]
    assert subscriber["broker"] == broker["id"]
    assert subscriber["wires"] == [[by_type["debug"]["id"]]]
    assert (subscriber["topic"], subscriber["qos"], subscriber["datatype"]) == ("affectd/+/+/utterance", "1", "json")
    assert (broker["cleansession"], bool(broker["clientid"]), int(broker["sessionExpiry"])) == (False, True, 86400)


@pytest.mark.skipif(NODE_RED is None, reason="Node-RED is not at hand: `npm install node-red`, and AFFECTD_NODE_RED names it")
def test_node_red_runs_the_flow(tmp_path: Path) -> None:
    with PrivateBroker() as broker, publishing(broker.port) as publish:
        tab = {"id": "tab", "type": "tab", "label": "affectd"}
        nodes = [{**node, "port": str(broker.port)} if "port" in node else {**node, "z": "tab"} for node in flow()]
        (tmp_path / "flows.json").write_text(json.dumps([tab, *nodes]))
        settings = "module.exports = {uiPort: 0, uiHost: '127.0.0.1', flowFile: 'flows.json', telemetry: {enabled: false}};"
        (tmp_path / "settings.js").write_text(settings)
        command = [str(NODE_RED), "--userDir", str(tmp_path), "--settings", str(tmp_path / "settings.js")]
        with Running(command) as first:
            first.await_line("label-1", meanwhile=lambda: publish(1))
        publish(2)
        with Running(command) as second:
            second.await_line("label-2")
