"""When Home Assistant is told of the device, and that it is told no more; what the command line shows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Callable

import pytest
from jsonschema import Draft202012Validator

from daemon.__main__ import main
from daemon.delivery import discovery
from daemon.settings import DiscoverySettings, NodeSettings, Settings, SourceSettings
from tests.daemon.delivery.home_assistant import DEVICE

NODE = "n0de"
LABELS = ("anger", "neutral", "sadness")
TOPIC = "homeassistant/device/affectd-n0de/config"


class Recorder:
    """In the delivery's place: keeps what is published, and connects when it is told to."""

    def __init__(self) -> None:
        self.published: list[tuple[str, bytes, int, bool]] = []
        self.subscribed: dict[str, Callable[[str, bytes, bool], None]] = {}
        self._callbacks: list[Callable[[], None]] = []

    def on_connected(self, callback: Callable[[], None]) -> None:
        self._callbacks.append(callback)

    def subscribe(self, topic: str, callback: Callable[[str, bytes, bool], None]) -> None:
        self.subscribed[topic] = callback

    def publish_now(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False) -> None:
        self.published.append((topic, payload, qos, retain))

    def connect(self) -> None:
        for callback in self._callbacks:
            callback()


def asked(discovery: DiscoverySettings) -> Settings:
    return Settings(node=NodeSettings(NODE), source=(SourceSettings("driver", recording="a.wav"),), discovery=discovery)


def made(settings: DiscoverySettings) -> Recorder:
    recorder = Recorder()
    discovery.Discovery(asked(settings), LABELS, recorder)
    return recorder


def test_it_is_told_after_each_connection_retained_and_when_home_assistant_comes_back() -> None:
    recorder = made(DiscoverySettings())
    about = discovery.message(asked(DiscoverySettings()), LABELS)[1]
    assert recorder.published == []
    recorder.connect()
    assert recorder.published == [(TOPIC, about, 1, True)]
    recorder.subscribed["homeassistant/status"]("homeassistant/status", b"offline", False)
    assert len(recorder.published) == 1
    recorder.subscribed["homeassistant/status"]("homeassistant/status", b"online", False)
    recorder.connect()
    assert recorder.published == [(TOPIC, about, 1, True)] * 3


def test_switched_off_it_is_forgotten_once() -> None:
    recorder = made(DiscoverySettings(enabled=False))
    recorder.connect()
    recorder.connect()
    assert recorder.published == [(TOPIC, b"", 1, True)]
    assert recorder.subscribed == {}


def test_prefix_and_status_topic_are_settings() -> None:
    recorder = made(DiscoverySettings(prefix="ha/two", status_topic="ha/birth"))
    recorder.connect()
    assert recorder.published[0][0] == "ha/two/device/affectd-n0de/config"
    assert list(recorder.subscribed) == ["ha/birth"]


def test_the_same_settings_give_the_same_bytes_and_eight_seats_are_no_trouble() -> None:
    assert discovery.message(asked(DiscoverySettings()), LABELS) == discovery.message(asked(DiscoverySettings()), list(LABELS))
    many = replace(asked(DiscoverySettings()), source=tuple(SourceSettings(f"seat{n}", recording="a.wav") for n in range(8)))
    assert len(discovery.message(many, LABELS)[1]) < 64_000


def test_the_command_line_shows_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "affectd.toml"
    path.write_text(f'[node]\nname = "{NODE}"\n[[source]]\nname = "driver"\ndevice = "USB"\n')
    assert main(["config", "discovery", str(path)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [fault.message for fault in Draft202012Validator(DEVICE).iter_errors(shown)] == []
    assert "driver.mood" in shown["components"]
