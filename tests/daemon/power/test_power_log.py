"""`affectd power-log`, as a process beside a real broker and the real service."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from daemon import assembly, serve
from daemon.demo.broker import PrivateBroker, free_port
from daemon.settings import BrokerSettings, NodeSettings, Settings, SourceSettings
from models import registry
from tests.daemon import recordings
from tests.daemon.contract import FIRST
from tests.daemon.power.logging_process import PATIENCE_S, ROOT, LoggingProcess
from tests.daemon.power.traces import snapshots, written
from tests.daemon.wire import Watcher
from tests.fixtures.brokers.mosquitto import Mosquitto

NOTHING: dict[str, Any] = {"measure_with": "none"}


def test_it_joins_in_what_the_service_says_of_its_latency(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "HEALTH_EVERY_S", 0.1)
    recording = recordings.write(tmp_path / "a.wav", recordings.speech()[: 5 * recordings.RATE_HZ])
    with PrivateBroker() as broker, Watcher(broker.port) as watcher, LoggingProcess(tmp_path, broker.port, **NOTHING) as logger:
        watcher.await_that(lambda: bool(watcher.of("power")))
        settings = Settings(
            node=NodeSettings("n0de"),
            broker=BrokerSettings(port=broker.port),
            source=(SourceSettings("driver", recording=str(recording)),),
        )
        with serve.Service(settings, assembly.open_model(registry.DEFAULT)) as service:
            running = threading.Thread(target=service.run, args=(threading.Event(),))
            running.start()
            watcher.await_that(lambda: watcher.of("power")[-1].body.get("service", {}).get("utterances", 0) > 0)
            running.join()
            body = watcher.of("power")[-1].body
            assert body["service"]["boot"] == service.boot
            assert body["service"]["windows"] > 0
            for stage in ("inference", "utterance"):
                assert set(body["service"]["latency_ms"][stage]) == {"p50", "p90", "p99", "max"}
        row = logger.await_row(lambda row: bool(row["utterances"]) and int(row["utterances"]) > 0)
        assert row["service_boot"] == service.boot
        assert 0.0 < float(row["inference_p50_ms"]) <= float(row["inference_max_ms"])
        assert logger.stop() == 0
    assert {(one.qos, one.retain) for one in watcher.of("power")} == {(0, False)}
    # a watcher looks at each message by its schema, as it leaves


def test_without_a_power_source_it_says_so_and_logs_the_use_of_the_cpu(tmp_path: Path) -> None:
    with PrivateBroker() as broker, Watcher(broker.port) as watcher:
        empty = {**os.environ, "LD_LIBRARY_PATH": str(tmp_path)}
        with LoggingProcess(tmp_path, broker.port, empty, measure_with="nvml") as logger:
            row = logger.await_row(lambda row: bool(row["cpu_percent"]))
            watcher.await_that(lambda: len(watcher.of("power")) >= 2)
            assert logger.stop() == 0
    assert (row["measured_by"], row["state"], row["total_w"], row["energy_j"], row["joules_an_hour"]) == (
        "none",
        "none",
        "",
        "",
        "",
    )
    assert not [name for name in row if name.startswith(("rail_", "temperature_"))]
    body = watcher.of("power")[-1].body
    assert (body["state"], body["energy"]["joules"], body["energy"]["joules_an_hour"]) == ("none", 0.0, None)
    assert "power" not in body
    assert "nvml: " in body["trouble"]
    assert logger.said().count("no power source: nvml: ") == 1


def publish(port: int, topic: str, payload: bytes) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.publish(topic, payload, qos=1).wait_for_publish(PATIENCE_S)
    client.disconnect()
    client.loop_stop()


@pytest.mark.parametrize("protocol", ["auto", "3.1.1"])
def test_a_broker_that_comes_late_dies_and_comes_back_costs_no_row(tmp_path: Path, protocol: str) -> None:
    broker = Mosquitto(tmp_path, "allow_anonymous true", "max_keepalive 10")
    samples = (FIRST / "health.jsonl").read_bytes().splitlines()
    with LoggingProcess(tmp_path, broker.port, protocol=protocol, **NOTHING) as logger:
        logger.await_row(lambda row: row["service_boot"] == "")
        for sample in samples:
            with broker, Watcher(broker.port) as watcher:
                watcher.await_that(lambda: bool(watcher.of("power")))
                publish(broker.port, "affectd/n0de/health", sample)
                watcher.await_that(lambda: "service" in watcher.of("power")[-1].body)
                n_rows = len(logger.rows())
                broker.kill()
            logger.await_row(lambda row: True, after=n_rows + 2)
        assert logger.stop() == 0
        elapsed_s = [float(row["elapsed_s"]) for row in logger.rows()]
    assert logger.rows()[-1]["inference_p99_ms"] == "0.797"
    assert elapsed_s == sorted(elapsed_s)
    assert "I keep trying" in logger.said()
    assert "events are kept" not in logger.said(), "it has none"


def test_a_health_message_that_is_none_stops_nothing(tmp_path: Path) -> None:
    with PrivateBroker() as broker, LoggingProcess(tmp_path, broker.port, **NOTHING) as logger:
        with Watcher(broker.port, "affectd/n0de/power") as watcher:
            watcher.await_that(lambda: bool(watcher.of("power")))
            for payload in (b"", b"\xff", b"[]", b'{"boot": 3}', b'{"boot": "a", "latency_ms": 7}'):
                publish(broker.port, "affectd/n0de/health", payload)
            watcher.await_that(lambda: watcher.of("power")[-1].body.get("service", {}).get("boot") == "a")
        assert logger.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_order_without_a_broker_too(tmp_path: Path, number: int) -> None:
    with LoggingProcess(tmp_path, free_port(), **NOTHING) as logger:
        logger.await_row(lambda row: True)
        logger.child.send_signal(number)
        assert logger.child.wait(PATIENCE_S) == 0
    assert logger.table.read_bytes().endswith(b"\n")
    assert "Traceback" not in logger.said()


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "daemon", "power-log", *map(str, arguments)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)


def test_a_report_in_words_as_json_and_as_a_picture(tmp_path: Path) -> None:
    table, picture = written(tmp_path / "power.csv", snapshots([5.0] * 100)), tmp_path / "power.png"
    done = command("--report", table, "--plot", picture)
    assert (done.returncode, done.stderr) == (0, "")
    assert "mean 5.00 W" in done.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
    done = command("--report", table, "--json")
    assert '"mean_w": 5.0' in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "one of the arguments --config --report is required"),
        ("--config {toml} --report {table}", "not allowed with argument"),
        ("--config {toml} --plot a.png", "--plot and --json go with --report"),
        ("--report {table} --once", "--once goes with --config"),
        ("--report nothing.csv", "nothing.csv: cannot be read: No such file or directory"),
        ("--config nothing.toml", "nothing.toml: no such file"),
        ("--config {wrong}", '[power] measure_with is \'watts\': want "auto", "jtop", "nvml" or "none"'),
    ],
)
def test_a_wrong_call_is_one_line_and_exit_code_2(tmp_path: Path, arguments: str, said: str) -> None:
    places = {name: tmp_path / name for name in ("toml", "table", "wrong")}
    places["toml"].write_text("")
    places["wrong"].write_text('[power]\nmeasure_with = "watts"\n')
    written(places["table"], snapshots([5.0] * 10))
    done = command(*arguments.format(**places).split())
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
