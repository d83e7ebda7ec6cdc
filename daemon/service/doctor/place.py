"""What the checks look at: a machine, the settings, and the service where it is installed."""

from __future__ import annotations

import os
import platform
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, Sequence

from daemon.settings import Settings

ASK_S = 5.0
UNIT = "affectd.service"
SHOWN = (
    "LoadState",
    "ActiveState",
    "UnitFileState",
    "StatusText",
    "NRestarts",
    "MainPID",
    "User",
    "SupplementaryGroups",
    "Environment",
    "StateDirectory",
    "CacheDirectory",
)


@dataclass(frozen=True)
class Place:
    """Nothing in it changes while the checks run."""

    config: Path | None
    """The settings file; None: there is none."""
    settings: Settings | None
    """None where they cannot be read: what depends on them is not looked at."""
    unit: Mapping[str, str]
    """What systemd says of the service, by SHOWN; empty where there is no systemd."""
    root: Path = Path("/")
    """Where /proc, /run and /etc are looked for."""

    @property
    def is_installed(self) -> bool:
        """Whether systemd knows the service."""
        return self.unit.get("LoadState") == "loaded"

    @property
    def user(self) -> str:
        """Who runs the service: its own user where it is installed, else who asks."""
        return (self.unit.get("User") if self.is_installed else "") or _asking()

    @property
    def groups(self) -> list[str]:
        """Those that systemd gives the service beside its user's own."""
        return self.unit.get("SupplementaryGroups", "").split() if self.is_installed else []

    def environment(self, name: str) -> str:
        """What the service has there, where it is installed, else who asks."""
        if self.is_installed:
            for word in self.unit.get("Environment", "").split():
                if word.startswith(f"{name}="):
                    return word[len(name) + 1 :]
        return os.environ.get(name, "")


def of_systemd(unit: str = UNIT) -> dict[str, str]:
    """What `systemctl show` says; empty where there is no systemd."""
    if not shutil.which("systemctl"):
        return {}
    said = asked(["systemctl", "show", unit, "-p", ",".join(SHOWN)])
    return dict(line.split("=", 1) for line in said.splitlines() if "=" in line)


def asked(command: Sequence[str]) -> str:
    """What a program says; empty where it fails, hangs, or is not there."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=ASK_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode(errors="replace").strip()


def board(root: Path = Path("/")) -> str:
    """The machine's own name, as on a Jetson; else its processor."""
    try:
        return (root / "proc/device-tree/model").read_text(encoding="utf-8", errors="replace").strip("\x00 \n")
    except OSError:
        return platform.machine()


def is_jetson(root: Path = Path("/")) -> bool:
    """Whether it is one of NVIDIA's boards."""
    return (root / "etc/nv_tegra_release").exists()


def _asking() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
