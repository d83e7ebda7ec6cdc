"""deploy/install.sh under a real systemd, in a box: installed, upgraded, refused, rolled back, removed, once.

Each fixture is one run in this story, and gives what it left behind; the next one goes on from there.
"""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import Iterator

import numpy as np
import pytest
import soundfile

from daemon.demo.broker import PrivateBroker
from daemon.demo.demo import RECORDING
from tests.deploy.machine import (
    CHECKOUT,
    EXTRA,
    LONG,
    PATIENCE_S,
    ROOT,
    SETTINGS,
    UNIT,
    WHEELS,
    Machine,
    Run,
    keep_all_kernels_but_one,
    put_checkout,
)
from tests.fixtures import affectd_box
from tests.fixtures.systemd_box import SystemdBox

RUNS = "        self._pipeline.run("
BROKEN = "        raise SettingsError('this version is broken')\n"

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with ExitStack() as opened:
        broker = opened.enter_context(PrivateBroker())
        box = opened.enter_context(SystemdBox(affectd_box.binds()))
        there = Machine(box, broker)
        put_checkout(box)
        keep_all_kernels_but_one(there)
        box.write(f"/etc/systemd/system/{UNIT}.d/packages.conf", f"[Service]\nEnvironment=PYTHONPATH={there.packages}\n")
        sound, rate_hz = soundfile.read(RECORDING, dtype="int16")
        long = box.path(LONG)
        long.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(str(long), np.tile(sound, 40), rate_hz)
        yield there


# --- what happens, once ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def first(machine: Machine) -> Run:
    """On a machine that has never had it, from a checkout with a unit that the next version has no more."""
    machine.box.write(f"{CHECKOUT}/deploy/systemd/{EXTRA}", "[Service]\nExecStart=/bin/sleep 1000\n")
    return machine.install()


@pytest.fixture(scope="module")
def started(machine: Machine, first: Run) -> Run:
    """What it says to do, done, and then once more: nothing is to be changed."""
    machine.configure()
    machine.box.run("systemctl", "start", UNIT, patience_s=PATIENCE_S)
    return machine.install()


@pytest.fixture(scope="module")
def examined(machine: Machine, started: Run) -> dict[str, tuple[int, str]]:
    """By the doctor, asked by root and by somebody: its exit code and what it says."""
    found = {}
    for user in ("root", "nobody"):
        command = ["runuser", "-u", user, "--", "env", f"PYTHONPATH={machine.packages}", "affectd", "doctor"]
        ran = machine.box.run(*command, check=False, patience_s=PATIENCE_S)
        found[user] = ran.returncode, ran.stdout + ran.stderr
    return found


@pytest.fixture(scope="module")
def upgraded(machine: Machine, started: Run, examined: dict[str, tuple[int, str]]) -> Run:
    """By a wheel in a folder, without a network."""
    machine.version("0.1.0", "0.2.0")
    machine.box.path(f"{CHECKOUT}/deploy/systemd/{EXTRA}").unlink()
    command = [machine.python, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", WHEELS, CHECKOUT]
    machine.box.run("env", f"PYTHONPATH={machine.packages}", *command, patience_s=PATIENCE_S)
    return machine.install("--wheels", WHEELS)


@pytest.fixture(scope="module")
def refused(machine: Machine, upgraded: Run) -> Run:
    """A version that passes every test but does not become READY."""
    machine.version("0.2.0", "0.3.0")
    machine.edit("daemon/serve.py", RUNS, f"        from daemon.errors import SettingsError\n{BROKEN}{RUNS}")
    return machine.install()


@pytest.fixture(scope="module")
def heard(machine: Machine, refused: Run) -> bool:
    """After that."""
    return machine.hears()


@pytest.fixture(scope="module")
def unfit(machine: Machine, heard: bool) -> Run:
    """The same again, with settings that it does not take; they are mended then."""
    settings = machine.box.path(SETTINGS)
    right = settings.read_text()
    settings.write_text(right.replace("recording", "sound"))
    ran = machine.install()
    settings.write_text(right)
    return ran


@pytest.fixture(scope="module")
def back(machine: Machine, unfit: Run) -> Run:
    """By the script that was installed, not by the checkout's."""
    return machine.install("--rollback", script="/opt/affectd/current/share/install.sh")


@pytest.fixture(scope="module")
def removed(machine: Machine, back: Run) -> Run:
    return machine.install("--uninstall")


@pytest.fixture(scope="module")
def purged(machine: Machine, removed: Run) -> Run:
    return machine.install("--uninstall", "--purge")


# --- what it left behind -----------------------------------------------------------------------------------------------


def test_a_first_installation_ends_with_what_to_do_next_and_starts_nothing(machine: Machine, first: Run) -> None:
    assert first.is_clean, first
    assert "Name a microphone and a broker in /etc/affectd/affectd.toml, then: systemctl start affectd" in first.said[-2]
    assert (first.current, first.previous, first.state, first.enabled) == ("/opt/affectd/0.1.0", "", "inactive", "enabled")
    assert first.settings == (ROOT / "deploy" / "affectd.toml").read_bytes()


def test_what_the_unit_names_as_its_documentation_is_there(machine: Machine, started: Run) -> None:
    place = machine.box.property(UNIT, "Documentation")
    assert machine.shell(f"head -n 1 {place[len('file:') :]}") == "# affectd"


def test_the_settings_are_the_service_s_to_read_and_root_s_to_write(machine: Machine, started: Run) -> None:
    told = "stat -c '%a %U:%G' /etc/affectd /etc/affectd/affectd.toml /var/lib/affectd /var/cache/affectd"
    modes = ["750 root:affectd", "640 root:affectd", "700 affectd:affectd", "700 affectd:affectd"]
    assert machine.shell(told).splitlines() == modes


def test_kernels_are_compiled_into_the_service_s_cache_before_it_starts(machine: Machine, first: Run) -> None:
    assert machine.shell(f"find {affectd_box.KERNELS} -name 'levels.take_in*.nbi' -user affectd | wc -l") == "1"


def test_units_come_and_go_with_their_version_and_only_the_service_is_enabled(first: Run, upgraded: Run, back: Run) -> None:
    ours = sorted(path.name for path in (ROOT / "deploy" / "systemd").glob("*.service"))
    assert first.units.split() == sorted([*ours, EXTRA])
    assert upgraded.units.split() == ours
    assert back.units.split() == sorted([*ours, EXTRA])
    assert first.enabled_units == upgraded.enabled_units == back.enabled_units == UNIT


def test_a_second_run_changes_nothing_and_says_so(started: Run) -> None:
    assert started.is_clean, started
    assert started.said == ["install: nothing to do: affectd 0.1.0 is installed, affectd.service is active"]
    assert started.beside == b""


def test_the_doctor_finds_the_service_well(examined: dict[str, tuple[int, str]]) -> None:
    code, said = examined["root"]
    assert code == 0, said
    for line in (
        "settings       /etc/affectd/affectd.toml: good",
        "state folder   /var/lib/affectd",
        "group audio    affectd is a member",
        "service        active: listening to 1 of 1 seat",
    ):
        assert f"✓ {line}" in said, said
    assert re.search(r"✓ kernels +\d+ kept compiled in /var/cache/affectd/numba", said)


def test_the_doctor_tells_somebody_who_may_not_look_to_ask_as_root(examined: dict[str, tuple[int, str]]) -> None:
    code, said = examined["nobody"]
    assert code == 2
    assert "affectd.toml: cannot be read: Permission denied" in said
    assert "→ sudo affectd doctor" in said
    assert "Traceback" not in said


def test_an_upgrade_by_a_wheel_listens_and_keeps_the_settings(started: Run, upgraded: Run) -> None:
    assert upgraded.is_clean, upgraded
    assert upgraded.said[-1] == "install: affectd 0.2.0 is installed and listens"
    assert (upgraded.current, upgraded.previous) == ("/opt/affectd/0.2.0", "/opt/affectd/0.1.0")
    assert (upgraded.state, upgraded.enabled) == ("active", "enabled")
    assert upgraded.main_pid != started.main_pid
    assert upgraded.settings == started.settings
    assert upgraded.beside == (ROOT / "deploy" / "affectd.toml").read_bytes()


def test_a_version_that_does_not_become_ready_is_taken_back_and_the_one_before_it_listens(
    upgraded: Run, refused: Run, heard: bool
) -> None:
    assert refused.code == 1
    why = "0.3.0 did not become READY (this version is broken): went back to 0.2.0, which listens"
    assert refused.complained == [f"install: error: {why}"]
    assert (refused.current, refused.previous) == (upgraded.current, upgraded.previous)
    assert refused.state == "active"
    assert refused.settings == upgraded.settings
    assert heard


def test_settings_that_a_version_does_not_take_never_stop_the_one_that_listens(refused: Run, unfit: Run) -> None:
    assert unfit.code == 1
    (complaint,) = unfit.complained
    assert "0.3.0 cannot run: " in complaint
    assert "unknown key 'sound'" in complaint
    assert complaint.endswith("nothing was changed")
    assert (unfit.current, unfit.main_pid, unfit.state) == (refused.current, refused.main_pid, "active")


def test_a_rollback_returns_to_the_version_before(back: Run) -> None:
    assert back.is_clean, back
    assert (back.current, back.previous, back.state) == ("/opt/affectd/0.1.0", "/opt/affectd/0.2.0", "active")


def test_what_is_removed_is_gone_but_for_settings_and_state(machine: Machine, back: Run, removed: Run) -> None:
    assert removed.is_clean, removed
    assert removed.current == removed.previous == ""
    assert removed.settings == back.settings
    assert (
        machine.shell("ls -d /opt/affectd /etc/systemd/system/affectd.service /usr/local/bin/affectd /var/cache/affectd") == ""
    )


def test_with_purge_everything_goes_and_then_there_is_nothing_to_do(machine: Machine, purged: Run) -> None:
    assert purged.is_clean, purged
    assert machine.shell("ls -d /etc/affectd* /var/lib/affectd* /etc/systemd/system/affectd*; id -u affectd") == ""
    again = machine.install("--uninstall")
    assert again.said == ["install: nothing to do: affectd is not installed"]


# --- without a machine -------------------------------------------------------------------------------------------------


def test_the_options_are_told(machine: Machine) -> None:
    told = machine.install("--help")
    assert told.code == 0
    for option in ("--wheels", "--onnxruntime-gpu", "--ready-within", "--rollback", "--uninstall", "--purge"):
        assert re.search(rf"{option}\b", "\n".join(told.said)), option


@pytest.mark.parametrize(
    "arguments",
    [["--colour"], ["--purge"], ["--wheels"], ["--wheels", "/no/such"], ["--onnxruntime-gpu"], ["--ready-within", "soon"]],
)
def test_an_option_that_cannot_be_is_a_mistake_of_usage(machine: Machine, arguments: list[str]) -> None:
    assert machine.install(*arguments).code == 2


def test_it_wants_root(machine: Machine) -> None:
    ran = machine.box.run("setpriv", "--reuid", "65534", f"{CHECKOUT}/deploy/install.sh", check=False)
    assert ran.returncode == 1
    assert ran.stderr.startswith("install: error: this needs root: sudo ")
