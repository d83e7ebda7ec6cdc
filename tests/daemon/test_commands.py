"""The commands around the sound: settings, models, devices and brokers that are wrong or not there."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from benchmarks.virtual_microphone import VirtualMicrophone
from daemon.__main__ import main
from daemon.demo.demo import RECORDING
from daemon.settings import SECTIONS
from models import registry
from models.contract import LABELS
from tests.daemon.wire import PATIENCE_S

ROOT = Path(__file__).parents[2]
USAGE, DEVICE, BROKER, MODEL = 2, 3, 4, 5
HAS_PYAUDIO = importlib.util.find_spec("pyaudio") is not None


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def require_error(self, code: int, *says: str) -> None:
        """One line of error, and this code."""
        (line,) = (line for line in self.err.splitlines() if line.startswith("affectd: error: "))
        assert self.err.splitlines()[-1] == line
        assert "Traceback" not in self.err
        assert all(one in line for one in says), line
        assert self.code == code


Run = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """A command within this process; it may take over the signals."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def command(*arguments: object) -> Done:
        try:
            code = main([str(one) for one in arguments])
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return Done(code, out, err)

    yield command
    for number, handler in before.items():
        signal.signal(number, handler)


def child(*arguments: object, **environment: str) -> Done:
    """A command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "daemon", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def no_sound_card(tmp_path: Path) -> dict[str, str]:
    """An environment in which ALSA can open no card, and there is no sound server."""
    alsa = tmp_path / "asound.conf"
    alsa.write_text("</usr/share/alsa/alsa.conf>\nctl.!hw { type hw card 99 }\n")
    return {"ALSA_CONFIG_PATH": str(alsa), "PULSE_SERVER": str(tmp_path / "nobody"), "XDG_RUNTIME_DIR": str(tmp_path)}


def config(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "affectd.toml"
    path.write_text(text)
    return path


# ---- usage and settings ----

WRONG_ARGUMENTS: list[tuple[list[str], str]] = [
    ([], "COMMAND"),
    (["demmo"], "'demmo'"),
    (["replay"], "file"),
    (["replay", "a.wav", "--speed", "0"], "--speed"),
    (["replay", "a.wav", "--speed", "fast"], "--speed"),
    (["replay", "a.wav", "--speed", "nan"], "--speed"),
    (["analyze", "--colour", "a.wav"], "--colour"),
    (["demo", "--port", "many"], "--port"),
    (["demo", "--port", "99999"], "99999: want 1 to 65535"),
    (["demo", "--port", "-1"], "-1: want 1 to 65535"),
    (["run"], "--config"),
]


@pytest.mark.parametrize(("arguments", "says"), WRONG_ARGUMENTS)
def test_a_wrong_argument_is_one_line(run: Run, arguments: list[str], says: str) -> None:
    done = run(*arguments)
    done.require_error(USAGE, says)
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("command", [["run", "--config"], ["config", "check"]])
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[gate]\nhangover_ms = 600\n", "[gate] unknown key 'hangover_ms'; did you mean 'hang_over_ms'?"),
        ("[gate]\nhang_over_ms = 600.03\n", " ms at 16000 Hz is "),
        ("[model]\nstride_ms = 100.0\n", "[model] stride_ms is 100: want a multiple of 16"),
        ("gate\n", "not TOML"),
    ],
)
def test_wrong_settings_are_told_by_file_and_key(run: Run, tmp_path: Path, command: list[str], text: str, says: str) -> None:
    path = config(tmp_path, text + f'\n[[source]]\nrecording = "{RECORDING}"\n')
    run(*command, path).require_error(USAGE, says)


def test_settings_without_a_source_cannot_run(run: Run, tmp_path: Path) -> None:
    path = config(tmp_path, "")
    run("run", "--config", path).require_error(USAGE, f"{path}: no [[source]]", "affectd devices")


def test_config_check_reads_the_password_file(run: Run, tmp_path: Path) -> None:
    missing = tmp_path / "password"
    path = config(tmp_path, f'[broker]\nusername = "cabin"\npassword_file = "{missing}"\n')
    run("config", "check", path).require_error(USAGE, str(path), f"password_file {missing}: cannot be read")
    missing.write_text("correct horse\n")
    assert run("config", "check", path) == Done(0, f"{path}: good\n", "")
    assert "correct horse" not in run("config", "check", "--json", path).out


def test_config_check_reads_the_certificates(run: Run, tmp_path: Path) -> None:
    path = config(tmp_path, f'[broker]\ntls = true\nca_file = "{tmp_path}/ca.pem"\n')
    run("config", "check", path).require_error(USAGE, str(path), f"[broker] ca_file {tmp_path}/ca.pem: cannot be read")
    path = config(tmp_path, f'[broker]\nca_file = "{tmp_path}/ca.pem"\n')
    run("config", "check", path).require_error(USAGE, str(path), "ca_file and cert_file are for TLS: set tls = true")


def test_config_check_looks_for_the_folder_to_keep_in(run: Run, tmp_path: Path) -> None:
    path = config(tmp_path, f'[seat]\nkeep = "{tmp_path}/no/seats.json"\n')
    run("config", "check", path).require_error(USAGE, str(path), "[seat] keep", f"there is no folder {tmp_path}/no: make it")


def test_config_check_says_good_or_shows_every_setting(run: Run, tmp_path: Path) -> None:
    path = config(tmp_path, "[gate]\nhang_over_ms = 700\n")
    assert run("config", "check", path) == Done(0, f"{path}: good\n", "")
    shown = json.loads(run("config", "check", path, "--json").out)
    assert shown["gate"]["hang_over_ms"] == 700.0
    assert set(shown) == {*SECTIONS, "source"}
    run("config", "check", tmp_path / "none.toml").require_error(USAGE, "none.toml: no such file")


# ---- models ----


@pytest.mark.parametrize("command", [["analyze", RECORDING], ["replay", RECORDING], ["demo", "--once"]])
def test_an_unknown_model_names_the_nearest(run: Run, command: list[Any]) -> None:
    done = run(*command, "--model", registry.DEFAULT + "x")
    done.require_error(MODEL, f"unknown model '{registry.DEFAULT}x'", f"did you mean '{registry.DEFAULT}'?")
    run(*command, "--model", "none.onnx").require_error(MODEL, "model none.onnx: no such file")


def test_settings_with_an_unknown_model_are_refused(run: Run, tmp_path: Path) -> None:
    path = config(tmp_path, f'[model]\nname = "emodb"\n[[source]]\nrecording = "{RECORDING}"\n')
    for command in (["run", "--config"], ["config", "check"]):
        run(*command, path).require_error(MODEL, "unknown model 'emodb'")


def test_models_are_listed_with_what_they_promise(run: Run) -> None:
    done = run("models", "--json")
    rows = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert [row["name"] for row in rows if row["default"]] == [registry.DEFAULT]
    for row in rows:
        assert set(row["labels"]) <= set(LABELS)
        assert len(row["sha256"]) == 64
        assert row["licence"]
        assert row["trained_on"]
    table = run("models").out.splitlines()
    assert len(table) == 1 + len(rows)
    assert f"{registry.DEFAULT} (default)" in table[1]


# ---- devices ----


def test_without_a_sound_card_there_are_no_devices(no_sound_card: dict[str, str]) -> None:
    done = child("devices", "--json", **no_sound_card)
    if HAS_PYAUDIO:
        assert (done.code, json.loads(done.out)) == (0, [])
        said = child("devices", **no_sound_card)
        assert (said.code, said.out) == (0, "")
        assert said.err.startswith("affectd: no microphone: plug one in")
    else:
        done.require_error(DEVICE, "microphones need PyAudio")


def test_the_demo_with_a_microphone_that_is_not_there(no_sound_card: dict[str, str]) -> None:
    done = child("demo", "--source", "mic", **no_sound_card)
    done.require_error(DEVICE, "there is no microphone" if HAS_PYAUDIO else "microphones need PyAudio", "leave --source away")


@pytest.mark.skipif(not HAS_PYAUDIO, reason="PyAudio is not installed: that is an error, as the next but one test has it")
def test_a_service_whose_microphone_is_not_there_starts_and_says_so(tmp_path: Path, no_sound_card: dict[str, str]) -> None:
    path = config(tmp_path, '[model]\nname = "cl-emodb"\n[[source]]\ndevice = "Cabin Array"\n')
    command = [sys.executable, "-m", "daemon", "run", "--config", str(path)]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **no_sound_card}, stderr=subprocess.PIPE, text=True) as service:
        assert service.stderr is not None
        unsaid = ["microphone lost: no microphone 'Cabin Array': there is none at all", "model cl-emodb"]
        try:
            while unsaid:
                line = service.stderr.readline()
                assert line, f"it has ended and not said {unsaid}"
                unsaid = [one for one in unsaid if one not in line]
        finally:
            service.terminate()
        service.stderr.read()
        assert service.wait(PATIENCE_S) == 0


@pytest.mark.skipif(not HAS_PYAUDIO, reason="PyAudio is not installed: that is an error, as the next test has it")
def test_a_service_with_a_name_that_fits_two_microphones_does_not_start(tmp_path: Path) -> None:
    path = config(tmp_path, '[model]\nname = "cl-emodb"\n[[source]]\ndevice = "ca?*e*n"\n')
    with VirtualMicrophone("canteen", "caravan-den") as virtual:
        done = child("run", "--config", path, **virtual.environment)
    done.require_error(DEVICE, "fits 2 devices ('canteen', 'caravan-den')", "a card id or a USB path")


def test_without_pyaudio_only_microphones_are_missing(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "daemon.capture.microphone", None)
    monkeypatch.delattr("daemon.capture.microphone", raising=False)
    run("devices").require_error(DEVICE, "microphones need PyAudio: type `sudo apt install portaudio19-dev")
    run("demo", "--source", "mic").require_error(DEVICE, "microphones need PyAudio")
    path = config(tmp_path, '[[source]]\ndevice = "Cabin Array"\n')
    run("run", "--config", path).require_error(DEVICE, "microphones need PyAudio")


# ---- brokers ----


def test_a_port_that_is_taken_is_said(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        run("demo", "--once", "--source", RECORDING, "--port", port).require_error(BROKER, f"port {port} ", "--port")


def test_without_mosquitto_the_demo_says_what_to_type(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    run("demo", "--once", "--source", RECORDING).require_error(BROKER, "sudo apt install mosquitto")


def test_a_demo_of_a_recording_that_is_not_there(run: Run) -> None:
    run("demo", "--once", "--source", "none.wav").require_error(USAGE, "none.wav: no such file")


def test_help_is_there_for_every_command(run: Run) -> None:
    for command in ("run", "demo", "replay", "analyze", "devices", "models", "config"):
        done = run(command, "--help")
        assert (done.code, done.err) == (0, "")
        assert f"usage: affectd {command}" in done.out
