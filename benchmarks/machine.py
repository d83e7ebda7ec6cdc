"""What a figure was measured on: without it, it means nothing."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any, Mapping

ROOT = Path(__file__).parents[1]
PROFILE = Path("/sys/firmware/acpi/platform_profile")
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")

PEERS = ("scipy", "librosa", "torch", "kaldi-native-fbank", "rocket-fft")
PACKAGES = ("affectd", "numpy", "numba", "onnxruntime", "webrtcvad-wheels", *PEERS)


def facts() -> dict[str, Any]:
    """Processor, cores this process may use and those there are, power mode, governor, how many programs wanted to run of late,
    versions, and when that was.
    """
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "cores_there_are": os.cpu_count(),
        "power_mode": power_mode(),
        "governor": _first_line(GOVERNOR) or "unknown",
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "commit": _commit(),
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


def line(machine: Mapping[str, Any]) -> str:
    """The same in a line, for a table's foot; what an older result does not have is left out."""
    told = {name: machine[name] for name in ("power_mode", "governor", "load", "commit", "at") if name in machine}
    versions = {name: version for name, version in machine["versions"].items() if version != "not installed"}
    cores = f"{machine['cores']} of {machine.get('cores_there_are', '?')} cores used"
    named = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in told.items())
    packages = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"{machine['processor']}, {cores}, {named}, Python {machine['python']}, {packages}"


def power_mode() -> str:
    """What nvpmodel says on a Jetson, else the profile of the firmware; `none` where the machine knows of no such thing."""
    if shutil.which("nvpmodel"):
        said = subprocess.run(["nvpmodel", "-q"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        named = re.search(r"Power Mode:\s*(\S+)", said.stdout)
        return named.group(1) if named else "unknown: nvpmodel does not tell"
    return _first_line(PROFILE) or "none"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model")):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _first_line(path: Path) -> str:
    return path.read_text().strip() if path.is_file() else ""


def _commit() -> str:
    """Of a clone, with a mark where sources were changed; empty elsewhere. What benchmarks write is no source."""
    if not shutil.which("git"):
        return ""
    name = _git("describe", "--always", "--exclude", "*")
    written = [f":!benchmarks/{each}" for each in ("results", "pictures", "RESULTS.md")]
    return f"{name}-dirty" if name and _git("status", "--porcelain", "--untracked-files=no", "--", ".", *written) else name


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    told = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return told.stdout.strip()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
