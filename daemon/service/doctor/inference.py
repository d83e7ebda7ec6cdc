"""The model: whether its file is whole, and what it runs on, by a trial of each."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

from daemon.cache_folder import ENGINES, engines_folder
from daemon.errors import EXIT_MODEL
from daemon.service.doctor.finding import Finding, fail, note, ok
from daemon.service.doctor.place import Place, is_jetson
from daemon.settings import ModelSettings
from models.errors import ModelError
from models.providers import CPU, Inference, Wish


def model(place: Place) -> Iterator[Finding]:
    """That of the settings, or the one that ships."""
    from models.runtime import open_model

    wanted = place.settings.model if place.settings else ModelSettings()
    try:
        opened = open_model(wanted.name, Wish(wanted.provider, engines(place)))
    except ModelError as trouble:
        yield fail("model", str(trouble), "affectd models", EXIT_MODEL)
        return
    yield ok("model", f"{opened.contract.name}, licence {opened.contract.licence}, sha256 {opened.sha256[:12]} is right")
    yield from _runs_on(opened.inference, place)


def engines(place: Place) -> Path | None:
    """The service's folder of engines, where it is installed; else that of who asks."""
    cache = place.unit.get("CacheDirectory", "").split() if place.is_installed else []
    return place.root / "var/cache" / cache[0] / ENGINES if cache else engines_folder()


def _runs_on(inference: Inference, place: Place) -> Iterator[Finding]:
    took = "" if inference.trial_ms is None else f", {inference.trial_ms:g} ms an answer"
    yield ok("inference", f"on {inference.provider}{took}")
    for provider, why in inference.refused.items():
        if provider == CPU or why.startswith("slower"):
            yield ok("inference", f"not on {provider}: {why}")
        elif is_jetson(place.root):
            yield note("inference", f"not on {provider}: {why}", "deploy/jetson/README.md, TensorRT")
    if inference.refused and not is_jetson(place.root) and inference.trial_ms is None:
        yield ok("inference", "TensorRT and CUDA: this ONNX Runtime has neither, which is no fault without an NVIDIA card")
