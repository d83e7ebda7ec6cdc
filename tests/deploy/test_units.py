"""`deploy/systemd`, as systemd itself judges it: no warning, little exposure, nothing that systemd 245 does not know."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator

import pytest

from tests.fixtures import affectd_box
from tests.fixtures.systemd_box import SystemdBox

UNITS = sorted(affectd_box.UNITS.glob("*.service"))
MOST_EXPOSURE = 2.0
NEWER = {
    "LoadCredential": 247,
    "LoadCredentialEncrypted": 250,
    "SetCredential": 247,
    "ProtectProc": 247,
    "ProcSubset": 247,
    "PrivateIPC": 248,
    "ExecPaths": 248,
    "NoExecPaths": 248,
    "RestrictFileSystems": 250,
    "TimeoutStartFailureMode": 246,
    "TimeoutStopFailureMode": 246,
    "RestartSteps": 254,
    "RestartMaxDelaySec": 254,
    "RestartMode": 254,
    "ExecSearchPath": 250,
    "OOMPolicy": 243,
    "ManagedOOMSwap": 247,
    "SystemCallLog": 247,
    "BindLogSockets": 257,
    "PrivatePIDs": 257,
}
"""From systemd's NEWS: the version from which on a key of [Service] is known."""
OLDEST = 245

pytestmark = [pytest.mark.box, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def box() -> Iterator[SystemdBox]:
    with SystemdBox(affectd_box.binds()) as box:
        affectd_box.install(box)
        affectd_box.install_units(box, '[[source]]\nrecording = "cabin.flac"\n')
        for unit in UNITS:
            box.write(f"/etc/systemd/system/{unit.name}", unit.read_text())
        box.run("systemctl", "daemon-reload")
        yield box


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_has_nothing_to_say_against_a_unit(box: SystemdBox, unit: Path) -> None:
    done = box.run("systemd-analyze", "verify", f"/etc/systemd/system/{unit.name}", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_is_little_exposed(box: SystemdBox, unit: Path) -> None:
    said = box.run("systemd-analyze", "security", "--offline=true", f"/etc/systemd/system/{unit.name}").stdout
    found = re.search(r"exposure level for \S+: ([0-9.]+)", said)
    assert found, said
    print(f"{unit.name}: exposure {found.group(1)}")
    assert float(found.group(1)) <= MOST_EXPOSURE, said


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_has_no_key_that_systemd_245_does_not_know(unit: Path) -> None:
    keys = set(re.findall(r"^([A-Za-z]+)=", unit.read_text(), re.MULTILINE))
    assert [key for key in sorted(keys) if NEWER.get(key, 0) > OLDEST] == []


def test_what_numba_cuda_and_the_microphone_need_is_not_forbidden() -> None:
    text = (affectd_box.UNITS / "affectd.service").read_text()
    for key in ("MemoryDenyWriteExecute", "PrivateDevices", "PrivateNetwork", "IPAddressDeny"):
        assert not re.search(rf"^{key}=", text, re.MULTILINE), key
    assert "DeviceAllow=char-alsa rw" in text


def test_the_settings_are_for_the_service_alone_to_read(box: SystemdBox) -> None:
    said = box.run("stat", "-c", "%A %U %G", "/etc/affectd", "/etc/affectd/affectd.toml").stdout.split("\n")
    assert said[:2] == ["drwxr-x--- root affectd", "-rw-r----- root affectd"]


def test_the_boot_does_not_wait_for_a_service_that_waits_for_its_microphone(box: SystemdBox) -> None:
    box.run("systemctl", "enable", "affectd.service")
    assert "affectd.service" in box.property("multi-user.target", "Wants").split()
    assert "affectd.service" not in box.property("multi-user.target", "After").split()
    assert "shutdown.target" in box.property("affectd.service", "Before").split()
    assert "shutdown.target" in box.property("affectd.service", "Conflicts").split()


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_nor_does_a_companion_for_which_the_boot_would_wait(box: SystemdBox, unit: Path) -> None:
    assert "affectd.service" not in box.property(unit.name, "After").split()
