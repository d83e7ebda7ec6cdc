"""What a figure was measured on: without it, it means nothing."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

PEERS = ("scipy", "librosa", "torch", "kaldi-native-fbank", "rocket-fft")
PACKAGES = ("affectd", "numpy", "numba", "onnxruntime", "webrtcvad-wheels", *PEERS)


def facts() -> dict[str, Any]:
    """Processor, cores this process may use, governor, how many programs wanted to run of late, and versions."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "governor": _first_line(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")) or "unknown",
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model")):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _first_line(path: Path) -> str:
    return path.read_text().strip() if path.is_file() else ""


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
