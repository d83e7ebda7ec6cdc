"""The service tells on /health how well its seats know who speaks, and knows it again after a restart where it may."""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import paho.mqtt.publish as publish
import pytest
from jsonschema import Draft202012Validator

from daemon import assembly, keeping, serve
from daemon.demo.broker import PrivateBroker, free_port
from daemon.demo.demo import RECORDING
from daemon.errors import SettingsError
from daemon.ports import AudioSource, Model
from daemon.settings import BrokerSettings, SeatSettings, Settings, SourceSettings
from models.contract import Contract
from tests.daemon.contract import schema
from tests.daemon.wire import PATIENCE_S
from tests.fixtures.stream_model import FILE


@lru_cache(maxsize=None)
def opened(name: str = str(FILE)) -> Model:
    return assembly.open_model(name)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recordings are read as fast as they can be, and no service waits for a broker that is not there."""

    def open_source(settings: SourceSettings, contract: Contract, on_block: object, counts: object) -> AudioSource:
        return assembly.open_recording(Path(settings.recording), settings.name, contract, speed=None)

    monkeypatch.setattr(assembly, "open_source", open_source)
    monkeypatch.setattr(serve, "FAREWELL_S", 0.0)


def settings(seat: SeatSettings) -> Settings:
    source = SourceSettings("driver", recording=str(RECORDING))
    return Settings(broker=BrokerSettings(port=free_port()), source=(source,), seat=seat)


def lived(asked: Settings, model: Model | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """What /health says of the seat at the start of a service, and when all was heard."""
    with serve.Service(asked, model or opened()) as service:
        first = service.health()
        service.run(threading.Event())
        last = service.health()
    for body in (first, last):
        assert list(Draft202012Validator(schema("health")).iter_errors(body)) == []
    return first["sources"]["driver"], last["sources"]["driver"]


def known(asked: Settings, model: Model | None = None) -> tuple[int, int]:
    first, last = lived(asked, model)
    assert last["utterances"] == 5
    return first["known_utterances"], last["known_utterances"]


def test_health_tells_what_is_known() -> None:
    assert known(settings(SeatSettings())) == (0, 5)
    assert known(settings(SeatSettings(adapt=False))) == (0, 0)
    assert known(settings(SeatSettings()), opened("cl-emodb")) == (0, 0)


def test_a_restart_forgets_unless_it_may_keep(tmp_path: Path) -> None:
    keep = str(tmp_path / "seats.json")
    asked = settings(SeatSettings(keep=keep))
    assert known(asked) == (0, 5)
    assert known(asked) == (5, 10)
    assert known(settings(SeatSettings())) == (0, 5)
    content = json.loads(Path(keep).read_text())
    assert content["model"] == opened().sha256
    assert set(content["seats"]) == {"driver"}


@pytest.mark.parametrize("model", ["windows", "stream"])
def test_where_nothing_is_known_no_file_is_touched(tmp_path: Path, model: str) -> None:
    path = tmp_path / "seats.json"
    path.write_text("somebody's")
    if model == "windows":
        lived(settings(SeatSettings(keep=str(path))), opened("cl-emodb"))
    else:
        lived(settings(SeatSettings(adapt=False, keep=str(path))))
    assert path.read_text() == "somebody's"
    assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_file_keeps_no_service_from_running(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "seats.json"
    path.write_text("{")
    asked = settings(SeatSettings(keep=str(path)))
    assert known(asked) == (0, 5)
    assert [record.getMessage() for record in caplog.records if "put aside" in record.getMessage()]
    assert known(asked) == (5, 10)


def test_a_folder_that_is_not_there_is_said_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^\[seat\] keep is .*: there is no folder"):
        serve.Service(settings(SeatSettings(keep=str(tmp_path / "no" / "seats.json"))), opened())


def test_while_the_service_runs_it_is_kept_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before its end: a power cut takes minutes, not all."""
    path = tmp_path / "seats.json"
    monkeypatch.setattr(serve, "HEALTH_EVERY_S", 0.02)
    monkeypatch.setattr(keeping, "EVERY_S", 0.0)
    with serve.Service(settings(SeatSettings(keep=str(path))), opened()) as service:
        service.run(threading.Event())
        until = time.monotonic() + PATIENCE_S
        while not (path.exists() and '"utterances": 5.0' in path.read_text()):
            assert time.monotonic() < until
            time.sleep(0.02)


@pytest.mark.parametrize(("retained", "known_then"), [(False, 5), (True, 10)])
def test_the_ignition_makes_all_seats_forget(tmp_path: Path, retained: bool, known_then: int) -> None:
    """Five utterances are known from before, and five are said after a message on the topic."""
    asked = settings(SeatSettings(keep=str(tmp_path / "seats.json"), forget_topic="vehicle/+/ignition"))
    assert known(asked) == (0, 5)
    with PrivateBroker() as broker:
        there = replace(asked, broker=BrokerSettings(port=broker.port))
        if retained:
            publish.single("vehicle/7/ignition", "off", retain=True, port=broker.port)
        with serve.Service(there, opened()) as service:
            # a command that is refused comes after what was sent before it
            while not service.health()["commands"]["refused"]:
                if service.health()["delivery"]["connected"]:
                    if not retained:
                        publish.single("vehicle/7/ignition", "off", port=broker.port)
                    publish.single("affectd/cabin/driver/set", "?", port=broker.port)
                time.sleep(0.05)
            service.run(threading.Event())
            assert service.health()["sources"]["driver"]["known_utterances"] == known_then


def test_one_line_says_that_a_seat_was_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    _, last = lived(settings(SeatSettings(forget_after_s=1.0)))
    assert last["known_utterances"] <= 1
    said = [record.getMessage() for record in caplog.records if "forgotten" in record.getMessage()]
    assert set(said) == {"seat driver: forgotten what 1 utterances taught: long silence"}
    assert 4 <= len(said) <= 5
