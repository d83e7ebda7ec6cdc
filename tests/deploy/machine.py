"""A machine in a box that deploy/install.sh is run on, and what each run leaves behind.

Packages are the test's own, found by PYTHONPATH, so pip has only affectd itself to install; `dsp` comes from beside with its
kernels compiled, all but one of them.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from daemon import assembly
from daemon.demo.broker import PrivateBroker
from dsp import frontend
from models.registry import DEFAULT
from tests.daemon.wire import Watcher
from tests.fixtures import affectd_box
from tests.fixtures.systemd_box import SystemdBox

ROOT = Path(__file__).parents[2]
UNIT = "affectd.service"
EXTRA = "affectd-extra.service"
CHECKOUT = "/srv/checkout"
WHEELS = "/srv/wheels"
OWN = "/opt/box/own"
SETTINGS = "/etc/affectd/affectd.toml"
LONG = "/opt/box/long.flac"
PATIENCE_S = 400.0
NOT_NEEDED = ("lab", "networks", "__pycache__", "cl-emodb.onnx", "affectnet-free.onnx")


@dataclass(frozen=True)
class Run:
    """Of install.sh, and what it left behind."""

    code: int
    said: list[str]
    complained: list[str]
    current: str
    previous: str
    state: str
    enabled: str
    main_pid: str
    settings: bytes
    beside: bytes
    """The settings of a new version, beside those."""
    units: str
    enabled_units: str

    @property
    def is_clean(self) -> bool:
        return self.code == 0 and not self.complained


class Machine:
    """A box with a checkout in it, and a broker."""

    def __init__(self, box: SystemdBox, broker: PrivateBroker) -> None:
        self.box = box
        self.broker = broker
        self.python = affectd_box.interpreter(box)
        self.packages = ":".join([OWN, *affectd_box.packages()])

    def install(self, *arguments: str, script: str = f"{CHECKOUT}/deploy/install.sh") -> Run:
        own = {"PYTHON": self.python, "PYTHONPATH": self.packages, "PIP_NO_BUILD_ISOLATION": "0"}
        environment = [f"{name}={value}" for name, value in own.items()]
        ran = self.box.run("env", *environment, script, *arguments, check=False, patience_s=PATIENCE_S)
        return Run(
            ran.returncode,
            ran.stdout.splitlines(),
            ran.stderr.splitlines(),
            current=self.shell("readlink /opt/affectd/current"),
            previous=self.shell("readlink /opt/affectd/previous"),
            state=self.shell(f"systemctl is-active {UNIT}"),
            enabled=self.shell(f"systemctl is-enabled {UNIT}"),
            main_pid=self.box.property(UNIT, "MainPID"),
            settings=self.content(SETTINGS),
            beside=self.content(f"{SETTINGS}.new"),
            units=self.shell("cd /etc/systemd/system && ls affectd*.service"),
            enabled_units=self.shell("systemctl list-unit-files 'affectd*' --state enabled --no-legend | cut -d ' ' -f 1"),
        )

    def shell(self, command: str) -> str:
        return self.box.run("sh", "-c", command, check=False).stdout.strip()

    def content(self, place: str) -> bytes:
        path = self.box.path(place)
        return path.read_bytes() if path.exists() else b""

    def configure(self) -> None:
        """As an operator would."""
        text = f'[broker]\nport = {self.broker.port}\n[[source]]\nname = "driver"\nrecording = "{LONG}"\n'
        self.box.path(SETTINGS).write_text(text)

    def edit(self, place: str, old: str, new: str) -> None:
        path = self.box.path(f"{CHECKOUT}/{place}")
        text = path.read_text()
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))

    def version(self, old: str, new: str) -> None:
        self.edit("pyproject.toml", f'version = "{old}"', f'version = "{new}"')

    def hears(self) -> bool:
        """An utterance reaches a subscriber that has come just now."""
        with Watcher(self.broker.port) as watcher:
            watcher.await_that(lambda: bool(watcher.of("utterance")))
        return True


def put_checkout(box: SystemdBox) -> None:
    for name in ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "deploy"):
        box.copy(ROOT / name, f"{CHECKOUT}/{name}")
    for name in ("daemon", "dsp", "models"):
        for path in sorted((ROOT / name).rglob("*")):
            if path.is_file() and not set(NOT_NEEDED) & set(path.relative_to(ROOT).parts):
                box.copy(path, f"{CHECKOUT}/{path.relative_to(ROOT)}")
    box.copy(ROOT / "dsp", f"{OWN}/dsp")


def keep_all_kernels_but_one(machine: Machine) -> None:
    """In the service's folder, as an installation before would have left them; to compile them takes a dozen seconds."""
    box, kept = machine.box, affectd_box.KERNELS
    assembly.open_model(DEFAULT)
    here = frontend.kernels_kept_in()
    assert here
    told = "from dsp import frontend; print(frontend.kernels_kept_in())"
    there = box.run(
        "env", f"NUMBA_CACHE_DIR={kept}", f"PYTHONPATH={machine.packages}", machine.python, "-c", told
    ).stdout.strip()
    for file in Path(here).glob(f"*.py{sys.version_info[0]}{sys.version_info[1]}*.nb[ic]"):
        if not file.name.startswith("levels.take_in"):
            box.copy(file, f"{there}/{file.name}")
    box.write("/etc/sysusers.d/affectd.conf", (ROOT / "deploy" / "systemd" / "affectd.sysusers.conf").read_text())
    box.run("systemd-sysusers")
    box.run("chown", "-R", "affectd:affectd", os.path.dirname(kept))
    box.run("chmod", "0700", os.path.dirname(kept))
