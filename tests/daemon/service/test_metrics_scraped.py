"""Prometheus reads a real service over HTTP: the figures are those of /health, and no client disturbs another."""

from __future__ import annotations

import http.client
import json
import logging
import re
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

import pytest
from prometheus_client.parser import text_string_to_metric_families

from daemon import assembly, serve
from daemon.__main__ import main
from daemon.demo.broker import PrivateBroker, free_port
from daemon.demo.demo import RECORDING
from daemon.errors import SettingsError
from daemon.ports import Model
from daemon.service import metrics_server
from daemon.service.exposition import DEVICE_STATES, Exposition
from daemon.service.metrics import AFTER_GATE, STAGES, Metrics
from daemon.settings import BrokerSettings, MetricsSettings, Settings, SourceSettings
from tests.daemon.delivery.delivering import await_that
from tests.daemon.wire import PATIENCE_S
from tests.fixtures.stream_model import FILE

Figures = Dict[Tuple[str, Tuple[Tuple[str, str], ...]], float]


@pytest.fixture(scope="module")
def model() -> Model:
    return assembly.open_model(str(FILE))


def settings(broker_port: int, **metrics: Any) -> Settings:
    asked = MetricsSettings(**{"enabled": True, "port": free_port(), **metrics})
    source = SourceSettings("driver", recording=str(RECORDING))
    return Settings(broker=BrokerSettings(port=broker_port), source=(source,), metrics=asked)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recording is read as fast as it can be, and no service waits for a broker that is not there."""

    def open_source(source: SourceSettings, contract: Any, on_block: object, counts: object) -> Any:
        return assembly.open_recording(Path(source.recording), source.name, contract, speed=None)

    monkeypatch.setattr(assembly, "open_source", open_source)
    monkeypatch.setattr(serve, "FAREWELL_S", 0.0)


@pytest.fixture
def idle(model: Model, quick: None) -> Iterator[int]:
    """A service that hears nothing: the port of its metrics."""
    asked = settings(free_port())
    with serve.Service(asked, model):
        yield asked.metrics.port


def scraped(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE_S) as page:
        assert page.headers["Content-Type"].startswith("text/plain")
        return str(page.read().decode())


def figures(text: str) -> Figures:
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}


def test_a_page_says_what_health_says(model: Model, quick: None) -> None:
    with PrivateBroker() as broker:
        asked = settings(broker.port)
        with serve.Service(asked, model) as service:
            service.run(threading.Event())
            await_that(lambda: len(service.outbox) == 0)
            found, health = figures(scraped(asked.metrics.port)), service.health()
    driver = (("source", "driver"),)
    counters, heard = health["counters"], health["sources"]["driver"]
    assert found["affectd_blocks_total", ()] == counters["blocks"]
    assert found["affectd_windows_total", ()] == counters["windows"] > 0
    events = {labels[0][1]: value for (name, labels), value in found.items() if name == "affectd_events_total"}
    assert events == counters["messages"]
    assert events["utterance"] == found["affectd_utterances_total", driver] == 5
    assert found["affectd_audio_heard_seconds_total", driver] == heard["heard_s"]
    assert found["affectd_audio_lost_seconds_total", driver] == 0
    assert found["affectd_source_listening", driver] == 1
    assert found["affectd_known_utterances", driver] == heard["known_utterances"]
    assert found["affectd_outbox_messages", ()] == 0
    assert found["affectd_outbox_durable", ()] == 1
    assert found["affectd_broker_connected", ()] == 1
    assert found["affectd_model_info", tuple(sorted(model.identity.items()))] == 1
    assert {name for name, _ in found} >= {
        "affectd_build_info",
        "affectd_node_info",
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
        "process_open_fds",
    }
    for stage in (*STAGES, AFTER_GATE):
        assert found["affectd_utterance_latency_seconds_count", (("stage", stage),)] == 5
    assert found["affectd_inference_seconds_count", ()] == health["latency_ms"]["inference"]["count"]
    assert found["affectd_delivery_seconds_count", ()] == sum(events.values())
    assert 0 < found["affectd_delivery_seconds_sum", ()] < PATIENCE_S * sum(events.values())


def test_names_and_units_are_prometheus_own(idle: int) -> None:
    for family in text_string_to_metric_families(scraped(idle)):
        assert re.fullmatch(r"(affectd|process)_[a-z_]+", family.name)
        assert family.documentation
        assert not family.name.endswith(("_ms", "_mb", "_samples"))
        assert all(sample.name.endswith("_total") for sample in family.samples if family.type == "counter")


def device(state: str) -> Figures:
    """What is told of a source whose health names the state of its device."""
    source = {"heard_s": 1.0, "lost_samples": 8000, "utterances": 0, "known_utterances": 0, "listening": True}
    health = {
        "node": "cabin",
        "boot": "b00t",
        "sources": {
            "driver": {**source, "device": {"state": state, "counts": {"losses": 3, "late_samples": 4000}}},
            "rear": source,
        },
        "inference": {"provider": "cpu"},
        "counters": {"blocks": 0, "samples": 0, "windows": 0, "messages": {}},
        "outbox": {"waiting": 0, "bytes": 0, "oldest_s": 0.0, "storage": "disk", "dropped": 0, "put_aside": 0, "damaged": 0},
        "delivery": {"connected": False, "connections": 0, "refused": 0},
        "commands": {"carried_out": 0, "refused": 0},
    }
    samples = [sample for family in Exposition(lambda: health, Metrics(), {}, 16000).collect() for sample in family.samples]
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}


@pytest.mark.parametrize("state", [*DEVICE_STATES, "of_a_later_version"])
def test_a_microphone_is_in_one_state(state: str) -> None:
    found = device(state)
    states = {dict(labels)["state"]: value for (name, labels), value in found.items() if name == "affectd_device_state"}
    assert states == {**dict.fromkeys(DEVICE_STATES, 0.0), state: 1.0}
    assert not any(("source", "rear") in labels for name, labels in found if name.startswith("affectd_device"))
    assert found["affectd_device_events_total", (("event", "losses"), ("source", "driver"))] == 3
    assert found["affectd_device_dropped_seconds_total", (("reason", "late"), ("source", "driver"))] == 0.25
    assert found["affectd_inference_info", (("provider", "cpu"),)] == 1
    assert found["affectd_audio_lost_seconds_total", (("source", "driver"),)] == 0.5


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/", 404), ("GET", "/metrics/../x", 404), ("POST", "/metrics", 405)]
)
def test_there_is_nothing_else(idle: int, method: str, path: str, status: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", idle, timeout=PATIENCE_S)
    connection.request(method, path)
    assert connection.getresponse().status == status
    connection.close()


def test_who_is_slow_is_hung_up_on_and_keeps_nobody_waiting(idle: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_server, "REQUEST_S", 60.0)
    slow = [socket.create_connection(("127.0.0.1", idle), PATIENCE_S) for _ in range(metrics_server.MOST_AT_A_TIME - 1)]
    for one in slow:
        one.sendall(b"GET /met")
    assert "affectd_build_info" in scraped(idle)
    monkeypatch.setattr(metrics_server, "REQUEST_S", 0.3)
    late = socket.create_connection(("127.0.0.1", idle), PATIENCE_S)
    beyond = socket.create_connection(("127.0.0.1", idle), PATIENCE_S)
    assert beyond.recv(1) == b"", "one more than may be is not taken"
    await_that(lambda: hung_up_on(late))
    for one in (*slow, late, beyond):
        one.close()
    await_that(lambda: answers(idle))


def hung_up_on(client: socket.socket) -> bool:
    """A byte now and then is no request."""
    try:
        client.sendall(b"G")
    except OSError:
        return True
    return False


def answers(port: int) -> bool:
    try:
        return "affectd_build_info" in scraped(port)
    except (OSError, http.client.HTTPException):
        return False


def test_a_port_in_use_is_one_line_and_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        path = tmp_path / "affectd.toml"
        path.write_text(
            f"[model]\nname = {json.dumps(str(FILE))}\n[metrics]\nenabled = true\nport = {port}\n"
            f'[[source]]\nname = "driver"\nrecording = {json.dumps(str(RECORDING))}\n'
        )
        assert main(["run", "--config", str(path)]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"affectd: error: [metrics] 127.0.0.1 port {port} cannot be had: Address already in use; choose another host or port"
    )


def test_without_the_package_one_line_says_what_to_type(model: Model, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "daemon.service.exposition")
    monkeypatch.setitem(sys.modules, "prometheus_client.core", None)
    with pytest.raises(
        SettingsError, match=r"^\[metrics\] enabled needs prometheus_client.*: type `pip install 'affectd\[metrics\]'`"
    ):
        serve.Service(settings(free_port()), model)


def test_who_does_not_ask_for_it_pays_nothing(model: Model, quick: None) -> None:
    code = "import sys, daemon.serve; sys.exit(any('prometheus' in name for name in sys.modules))"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], check=True)
    with serve.Service(settings(free_port(), enabled=False), model):
        assert "metrics" not in [thread.name for thread in threading.enumerate()]


def test_the_port_is_free_again_afterwards(model: Model, quick: None) -> None:
    asked = settings(free_port())
    for _ in range(2):
        with serve.Service(asked, model):
            assert answers(asked.metrics.port)
    assert not answers(asked.metrics.port)


@pytest.mark.parametrize("host", ["0.0.0.0", "::1"])
def test_who_opens_it_to_others_is_told(host: str, model: Model, quick: None, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), serve.Service(settings(free_port(), host=host), model):
        said = [record.getMessage() for record in caplog.records if "may read the metrics" in record.getMessage()]
    assert len(said) == (host == "0.0.0.0")


def test_who_reads_while_the_service_ends_is_answered_or_hung_up_on(
    model: Model, quick: None, capfd: pytest.CaptureFixture[str]
) -> None:
    asked, over = settings(free_port()), threading.Event()
    pages: list[bool] = []

    def read_on() -> None:
        while not over.is_set():
            pages.append(answers(asked.metrics.port))

    reader = threading.Thread(target=read_on)
    with serve.Service(asked, model):
        reader.start()
        await_that(lambda: len(pages) >= 3)
    over.set()
    reader.join()
    assert pages[0]
    assert "Traceback" not in capfd.readouterr().err
