"""What a watchdog is fed by: it grows while sound is seen to, and stands still when that hangs although all threads live."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Callable, Iterator

import pytest

from daemon import assembly, gate, serve
from daemon.demo.broker import free_port
from daemon.demo.demo import RECORDING
from daemon.gate import IsSpeech
from daemon.serve import Service
from daemon.service.watchdog import ENDED
from daemon.settings import BrokerSettings, NodeSettings, Settings, SourceSettings
from tests.daemon import recordings

PATIENCE_S = 60.0


@pytest.fixture
def gate_open(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """While it is not set, the speech gate blocks."""
    passes = threading.Event()
    passes.set()
    real = gate.webrtc_detector

    def blocking(aggressiveness: int, sample_rate_hz: int) -> IsSpeech:
        is_speech = real(aggressiveness, sample_rate_hz)

        def waits_first(frame: bytes) -> bool:
            passes.wait()
            return is_speech(frame)

        return waits_first

    monkeypatch.setattr(gate, "webrtc_detector", blocking)
    yield passes
    passes.set()


@pytest.fixture
def service(tmp_path: Path, gate_open: threading.Event, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Three recordings, one of which ends soon, and no broker."""
    short = recordings.write(tmp_path / "short.wav", recordings.speech()[: recordings.RATE_HZ // 2])
    sources = (
        *(SourceSettings(name, recording=str(RECORDING)) for name in ("driver", "rear")),
        SourceSettings("brief", recording=str(short)),
    )
    settings = Settings(node=NodeSettings("n0de", str(tmp_path)), broker=BrokerSettings(port=free_port()), source=sources)
    monkeypatch.setattr(serve, "FAREWELL_S", 0.1)
    stop = threading.Event()
    with Service(settings, assembly.open_model("cl-emodb")) as found:
        running = threading.Thread(target=found.run, args=(stop,))
        running.start()
        yield found
        gate_open.set()
        stop.set()
        running.join()


def await_that(holds: Callable[[], bool]) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until_s, "it never came to that"
        time.sleep(0.01)


def progress(service: Service) -> dict[str, int]:
    """Of each source, but those that are over."""
    return {ear.name: ear.progress for ear in service.ears() if ear.state != ENDED}


def goes_on(service: Service) -> None:
    before = progress(service)
    assert {"driver", "rear"} <= set(before)
    await_that(lambda: all(now > before[name] + 5 for name, now in progress(service).items()))


def test_it_grows_while_sound_comes_and_while_it_is_switched_off(service: Service) -> None:
    goes_on(service)
    for source in ("driver", "rear"):
        service.commands.received(f"affectd/n0de/{source}/set", b'{"listening": false}')
        await_that(lambda: not service.health()["sources"][source]["listening"])  # noqa: B023
        goes_on(service)
    service.commands.received("affectd/n0de/rear/set", b'{"listening": true}')
    goes_on(service)


def test_it_stands_still_while_the_gate_blocks(service: Service, gate_open: threading.Event) -> None:
    goes_on(service)
    gate_open.clear()
    blocked: list[dict[str, int]] = []

    def no_longer_moves() -> bool:
        blocked.append(progress(service))
        return blocked[-50:].count(blocked[-1]) == 50

    await_that(no_longer_moves)
    gate_open.set()
    goes_on(service)


def test_it_never_falls_and_a_source_that_ends_is_left_out(service: Service) -> None:
    seen = [progress(service)]

    def half_a_second_is_heard_and_more() -> bool:
        seen.append(progress(service))
        return bool(service.health()["sources"]["driver"]["heard_s"] > 1.0)

    await_that(half_a_second_is_heard_and_more)
    assert service.health()["sources"]["brief"]["heard_s"] == 0.5
    assert "brief" not in progress(service)
    goes_on(service)
    assert [one["driver"] for one in seen] == sorted(one["driver"] for one in seen)
