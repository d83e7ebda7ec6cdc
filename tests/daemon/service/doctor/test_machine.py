"""What the doctor says of the machine. Boards, cards and units are acted by files and words where this machine has none."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from daemon.service.doctor import folders, hearing, inference, machine, software
from daemon.service.doctor import place as place_module
from daemon.service.doctor.finding import FAIL, NOTE, OK
from daemon.settings import ModelSettings, NodeSettings, OutboxSettings, Settings, SourceSettings
from tests.daemon.service.doctor.places import one, place, told

UNIT = {"LoadState": "loaded", "ActiveState": "active", "StatusText": "listening", "NRestarts": "2"}


def board(root: Path) -> Path:
    """A Jetson's files."""
    (root / "etc").mkdir()
    (root / "etc" / "nv_tegra_release").write_text("# R35 (release), REVISION: 4.1\n")
    return root


def program(folder: Path, name: str, says: str) -> str:
    file = folder / name
    file.write_text(f"#!/bin/sh\necho '{says}'\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return str(folder)


# --- software --------------------------------------------------------------------------------------------------------


def test_this_python_and_its_packages_are_named_with_their_versions() -> None:
    assert one(software.python, place()).says.startswith(f"{sys.version_info[0]}.{sys.version_info[1]}.")
    found = one(software.packages, place())
    assert found.mark == OK
    assert all(f"{name} " in found.says for name in software.NEEDED)
    assert "?" not in found.says


def test_a_package_that_cannot_be_loaded_is_told_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(software.NEEDED, "soxr", "no_such_soxr")
    found = one(software.packages, place())
    assert (found.mark, found.exit_code) == (FAIL, 2)
    assert found.says == "soxr cannot be used: not installed"
    assert found.do.endswith("-m pip install --force-reinstall soxr")


@pytest.mark.parametrize(("source", "mark", "code"), [((), NOTE, 0), ((SourceSettings(device="cabin"),), FAIL, 3)])
def test_without_pyaudio_only_a_microphone_cannot_be_had(
    monkeypatch: pytest.MonkeyPatch, source: tuple[SourceSettings, ...], mark: str, code: int
) -> None:
    monkeypatch.setitem(software.BUILDS, "PyAudio", ("no_such_pyaudio", *software.BUILDS["PyAudio"][1:]))
    found = next(each for each in software.built(place(Settings(source=source))) if each.what == "PyAudio")
    assert (found.mark, found.exit_code) == (mark, code)
    assert "not installed" in found.says
    assert "portaudio19-dev" in found.do


# --- the model -------------------------------------------------------------------------------------------------------


def test_the_model_is_checked_and_it_is_said_what_it_runs_on() -> None:
    found = list(inference.model(place(Settings())))
    assert found[0].mark == OK
    assert "sha256" in found[0].says
    assert [each.what for each in found[1:]] == ["inference"] * (len(found) - 1)


@pytest.mark.parametrize("name", ["no-such-model", "/no/such.onnx"])
def test_a_model_that_cannot_be_used_is_the_model_s_trouble(name: str) -> None:
    found = one(inference.model, place(Settings(model=ModelSettings(name=name))))
    assert (found.mark, found.exit_code) == (FAIL, 5)


def test_engines_are_the_service_s_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = place(root=tmp_path, unit={**UNIT, "CacheDirectory": "affectd"})
    assert inference.engines(installed) == tmp_path / "var" / "cache" / "affectd" / "engines"
    monkeypatch.setenv("CACHE_DIRECTORY", str(tmp_path))
    assert inference.engines(place()) == tmp_path / "engines"


# --- microphones, where ALSA's files are acted: no card is here --------------------------------------------------------


def held(root: Path, command: str) -> None:
    status = root / "proc" / "asound" / "Device" / "pcm0c" / "sub0" / "status"
    status.parent.mkdir(parents=True)
    status.write_text("state: RUNNING\nowner_pid   : 4711\n")
    (root / "proc" / "4711").mkdir()
    (root / "proc" / "4711" / "cmdline").write_bytes(command.replace(" ", "\0").encode())


@pytest.mark.parametrize(
    ("command", "holder"),
    [
        ("/usr/bin/pulseaudio --daemonize=no", "pulseaudio (process 4711)"),
        ("/opt/affectd/current/bin/python3.8 /opt/affectd/current/bin/affectd run", "affectd (process 4711)"),
        ("", "a program (process 4711)"),
    ],
)
def test_who_holds_an_acted_card_is_named(tmp_path: Path, command: str, holder: str) -> None:
    assert hearing.held_by("Device", tmp_path) == ""
    held(tmp_path, command)
    assert hearing.held_by("Device", tmp_path) == holder
    assert hearing.held_by("Other", tmp_path) == ""
    assert hearing.held_by("", tmp_path) == ""


# --- folders ---------------------------------------------------------------------------------------------------------


def test_a_state_folder_is_only_looked_at(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    settings = Settings(node=NodeSettings(state=str(folder)))
    assert told(folders.state, place(settings), what="state folder") == f"{folder}, made at the first start"
    assert not folder.exists()
    folder.mkdir()
    assert told(folders.state, place(settings), what="state folder") == str(folder)


def test_the_state_folder_of_an_installed_service_is_systemd_s(tmp_path: Path) -> None:
    (tmp_path / "var" / "lib" / "affectd").mkdir(parents=True)
    installed = place(Settings(), tmp_path, {**UNIT, "StateDirectory": "affectd"})
    assert told(folders.state, installed, what="state folder") == str(tmp_path / "var" / "lib" / "affectd")


def test_an_outbox_that_would_not_fit_is_told(tmp_path: Path) -> None:
    settings = Settings(node=NodeSettings(state=str(tmp_path)), outbox=OutboxSettings(max_mb=100000.0))
    free = next(each for each in folders.state(place(settings)) if each.what == "disk")
    assert (free.mark == NOTE) is (os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize < 100064 * folders.MB)


def test_compiled_kernels_are_looked_for_where_the_service_keeps_them(tmp_path: Path) -> None:
    unit = {**UNIT, "Environment": "A=b NUMBA_CACHE_DIR=/var/cache/affectd/numba"}
    kept = tmp_path / "var" / "cache" / "affectd" / "numba" / "kernels_1"
    kept.mkdir(parents=True)
    assert one(folders.kernels, place(root=tmp_path, unit=unit)).mark == NOTE
    (kept / "frames.extract-1.py38.nbi").touch()
    assert one(folders.kernels, place(root=tmp_path, unit=unit)).says.startswith("1 kept compiled in ")


# --- the machine -----------------------------------------------------------------------------------------------------


def test_the_kernel_is_asked_whether_the_clock_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    assert one(machine.clock, place()).mark in (OK, NOTE)
    monkeypatch.setattr(machine, "_clock_state", lambda: machine.TIME_ERROR)
    assert "wrong date" in one(machine.clock, place()).says
    monkeypatch.setattr(machine, "_clock_state", lambda: 0)
    assert one(machine.clock, place()).says == "synchronised"


@pytest.mark.parametrize(
    ("unit", "mark", "says"),
    [
        ({}, NOTE, "no systemd here"),
        ({"LoadState": "not-found"}, NOTE, "not installed"),
        (UNIT, OK, "active: listening, 2 restarts"),
        ({**UNIT, "ActiveState": "activating", "StatusText": "waits"}, NOTE, "activating: waits, 2 restarts"),
        ({**UNIT, "ActiveState": "failed", "UnitFileState": "enabled"}, NOTE, "failed, enabled"),
    ],
)
def test_the_service_is_as_systemd_sees_it(unit: dict[str, str], mark: str, says: str) -> None:
    found = one(machine.service, place(unit=unit))
    assert found.mark == mark
    assert says in found.says


def test_an_acted_board_has_its_power_mode_and_its_watts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = board(tmp_path)
    monkeypatch.setenv("PATH", program(tmp_path, "nvpmodel", "NV Power Mode: MODE_15W_2CORE\n0"), prepend=":")
    found = {each.what: each for each in machine.power(place(root=root))}
    assert found["power mode"].says == "MODE_15W_2CORE (0)"
    assert "systemctl restart jtop" in found["power"].do
    (root / "run").mkdir()
    (root / "run" / "jtop.sock").touch()
    assert told(machine.power, place(root=root), what="power") == "watts by jtop"


def test_another_machine_has_no_power_mode_and_no_jtop(tmp_path: Path) -> None:
    assert [each.what for each in machine.power(place(root=tmp_path))] == ["power"]
    assert list(software.jtop(place(root=tmp_path))) == []


def test_a_program_that_hangs_or_fails_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place_module, "ASK_S", 0.2)
    assert place_module.asked(["sleep", "60"]) == ""
    assert place_module.asked(["false"]) == ""
    assert place_module.asked([str(tmp_path / "nothing")]) == ""
    assert place_module.asked(["echo", "said"]) == "said"
