"""Python, and the packages that the service works with."""

from __future__ import annotations

import importlib
import sys
from importlib import metadata
from typing import Iterator

from daemon.service.doctor.finding import Finding, fail, note, ok
from daemon.service.doctor.place import Place, is_jetson

EXIT_INSTALLATION = 2
NEEDED = {
    "numpy": "numpy",
    "numba": "numba",
    "onnxruntime": "onnxruntime",
    "paho-mqtt": "paho.mqtt",
    "soundfile": "soundfile",
    "soxr": "soxr",
    "webrtcvad-wheels": "webrtcvad",
}
"""Distributions, and what each is imported as."""
ALSO = {"onnxruntime": ("onnxruntime-gpu",)}
"""Other distributions of the same."""
BUILDS = {
    "PyAudio": ("pyaudio", "mic", "portaudio19-dev gcc python3-dev", "microphones are off"),
    "systemd-python": ("systemd", "systemd", "libsystemd-dev pkg-config gcc python3-dev", "the journal gets plain lines"),
}
"""What is built from source: module, our extra, system packages, and what is amiss without it."""


def python(_place: Place) -> Iterator[Finding]:
    """Of this process."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield ok("Python", f"{version}, {sys.executable}")


def packages(_place: Place) -> Iterator[Finding]:
    """Each is really imported: a wheel for another machine is installed without a complaint."""
    broken = {name: why for name, why in ((name, _why_not(module)) for name, module in NEEDED.items()) if why}
    for name, why in broken.items():
        yield fail("packages", f"{name} cannot be used: {why}", f"{_pip()} --force-reinstall {name}", EXIT_INSTALLATION)
    if not broken:
        yield ok("packages", ", ".join(f"{name} {_version(name)}" for name in NEEDED))


def built(place: Place) -> Iterator[Finding]:
    """Optional ones that have no wheels."""
    for name, (module, extra, system, without) in BUILDS.items():
        why = _why_not(module)
        if not why:
            yield ok(name, _version(name))
        elif extra == "mic" and place.settings and any(one.device for one in place.settings.source):
            yield fail(name, f"{why}: no microphone can be opened", _build(extra, system), 3)
        else:
            yield note(name, f"{why}: {without}", _build(extra, system))


def jtop(place: Place) -> Iterator[Finding]:
    """Only the power logger uses it, in a process of its own: it is looked for, and not imported."""
    if is_jetson(place.root):
        version = _version("jetson-stats")
        if version == "?":
            yield note(
                "jtop", "not installed: no watts are logged", "sudo pip3 install jetson-stats, then start the machine anew"
            )
        else:
            yield ok("jtop", f"jetson-stats {version}")


def _why_not(module: str) -> str:
    """Empty where it can be imported."""
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as missing:
        return "not installed" if missing.name == module.split(".")[0] else f"it lacks {missing.name}"
    except Exception as trouble:  # what a library does when it is loaded is its own affair
        return (str(trouble).strip().splitlines() or [type(trouble).__name__])[0]
    return ""


def _version(distribution: str) -> str:
    for name in (distribution, *ALSO.get(distribution, ())):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return "?"


def _pip() -> str:
    return f"{sys.executable} -m pip install"


def _build(extra: str, system: str) -> str:
    return f"sudo apt install {system} && {_pip()} 'affectd[{extra}]'"
