"""The layers hold: every import of the sources is read, without running them, and a breach is named with its line."""

from __future__ import annotations

import ast
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, Mapping

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("daemon", "dsp", "models", "benchmarks")

OURS_ALLOWED: Mapping[str, tuple[str, ...]] = {
    "dsp": ("dsp",),
    "models": ("models", "dsp"),
    "daemon": (
        "daemon",
        "dsp",
        "models.contract",
        "models.adaptation",
        "models.registry",
        "models.runtime",
        "models.providers",
        "models.speech",
        "models.errors",  # what those six raise
    ),
    "benchmarks": PACKAGES,
}
"""What of ours the modules of each package may import."""

JUDGES_AS_THE_SERVICE: Mapping[str, tuple[str, ...]] = {
    "models.lab.archive": (
        "daemon.analysis",
        "daemon.assembly",
        "daemon.cli.analyze",
        "daemon.errors",
        "daemon.ports",
        "daemon.settings",
    ),
}
"""The one exception: an archive is judged by the very code that judges one recording; the service never loads the lab."""

ONLY_IN: Mapping[str, tuple[str, ...]] = {
    "pyaudio": ("daemon.capture.microphone",),
    "paho": ("daemon.delivery", "daemon.demo", "benchmarks"),
    "torch": ("models.networks", "models.lab", "benchmarks"),
    "jtop": ("daemon.power",),
    "systemd": ("daemon.service",),
    "prometheus_client": ("daemon.service.exposition", "daemon.service.metrics_server"),
    "starlette": ("daemon.dashboard",),
    "uvicorn": ("daemon.dashboard",),
    "markdown_it": ("daemon.dashboard",),
    "pyarrow": ("daemon.collect", "models.lab", "benchmarks"),
    "pika": ("daemon.collect", "benchmarks"),
    "playwright": ("benchmarks",),
    "librosa": ("models.lab", "benchmarks"),
    "sklearn": ("models.lab",),
    "parselmouth": ("models.lab",),  # GPL: never in what the vehicle runs
    "dask": ("models.lab", "benchmarks"),
    "distributed": ("models.lab", "benchmarks"),
}
"""Libraries that stay in few places."""

NEVER_FROM_THE_DAEMON = (
    "torch",
    "matplotlib",
    "pandas",
    "librosa",
    "sklearn",
    "parselmouth",
    "dask",
    "distributed",
    "models.lab",
    "models.networks",
)
DRAWS_FOR_A_PERSON: Mapping[str, str] = {"daemon.power.picture": "matplotlib"}
"""The one exception: `affectd power-log --report --plot`, asked for by a person, loads it to draw, and ends; where it is not
there it says how to install it. Neither the service nor the logger loads it: tests/daemon/power/test_picture.py."""


@dataclass(frozen=True)
class Import:
    """One import of one module; `module` is as deep as the sources tell."""

    importer: str
    module: str
    line: int


Tree = Dict[str, ast.Module]


def parsed(root: Path) -> Tree:
    """Every module of our packages under `root`, by its dotted name; a package goes by its own."""
    tree: Tree = {}
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            tree[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = ast.parse(path.read_text("utf-8"), str(path))
    return tree


def is_within(module: str, ancestor: str) -> bool:
    return module == ancestor or module.startswith(ancestor + ".")


def imports_of(tree: Tree, importer: str) -> Iterator[Import]:
    """Every import in the module, those inside functions and by importlib's literal names included."""
    for node in ast.walk(tree[importer]):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(importer, alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            source = _source_of(node, importer, is_package=any(name.startswith(importer + ".") for name in tree))
            for alias in node.names:
                deeper = f"{source}.{alias.name}"
                yield Import(importer, deeper if deeper in tree else source, node.lineno)
        elif isinstance(node, ast.Call) and _called(node) in ("import_module", "__import__") and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield Import(importer, name.value, node.lineno)


def _source_of(node: ast.ImportFrom, importer: str, *, is_package: bool) -> str:
    """The module that `from ... import` names, its dots resolved."""
    if not node.level:
        return node.module or ""
    parts = importer.split(".")
    base = parts[: len(parts) - node.level + is_package]
    return ".".join(base + ([node.module] if node.module else []))


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def breaches(tree: Tree) -> list[str]:
    """One line for each import that the layering forbids."""
    found = (line for importer in tree for each in imports_of(tree, importer) for line in _breaches_of(each))
    return sorted(set(found))


def _breaches_of(found: Import) -> Iterator[str]:
    package, target = found.importer.split(".")[0], found.module.split(".")[0]
    says = f"{found.importer}:{found.line} imports {found.module}"
    if target in PACKAGES:
        more = (each for place, each in JUDGES_AS_THE_SERVICE.items() if is_within(found.importer, place))
        allowed = (*OURS_ALLOWED[package], *(module for each in more for module in each))
        if not any(is_within(found.module, each) for each in allowed):
            yield f"{says}: {package} may import {', '.join(allowed)}"
    elif target == "tests":
        yield f"{says}: only tests import tests"
    places = ONLY_IN.get(target)
    if places is not None and not any(is_within(found.importer, place) for place in places):
        yield f"{says}: {target} belongs to {', '.join(places)}"


def closure(tree: Tree, start: str) -> dict[str, str]:
    """Each module that importing `start` may load, ours followed and others named, with the way to it."""
    way = {start: start}
    waiting = deque([start])
    while waiting:
        importer = waiting.popleft()
        if importer not in tree:
            continue
        for each in imports_of(tree, importer):
            parts = each.module.split(".")
            for module in (".".join(parts[: n + 1]) for n in range(len(parts))):
                if module not in way and module.split(".")[0] != DRAWS_FOR_A_PERSON.get(importer):
                    way[module] = f"{way[importer]} -> {module}"
                    waiting.append(module)
    return way


def forbidden_ways(tree: Tree, start: str) -> list[str]:
    """The ways from `start` to what the service must never load."""
    reached = closure(tree, start)
    return [reached[module] for module in NEVER_FROM_THE_DAEMON if module in reached]


@pytest.fixture(scope="module")
def sources() -> Tree:
    return parsed(ROOT)


def made_up(files: Mapping[str, str]) -> Tree:
    return {name: ast.parse(source) for name, source in files.items()}


def test_every_import_keeps_to_the_layers(sources: Tree) -> None:
    assert {name.split(".")[0] for name in sources} >= {"daemon", "dsp", "models"}
    assert breaches(sources) == []


def test_the_service_never_reaches_what_only_training_needs(sources: Tree) -> None:
    assert "daemon.__main__" in sources
    assert forbidden_ways(sources, "daemon.__main__") == []


def test_the_ways_followed_are_the_real_ones(sources: Tree) -> None:
    assert {"dsp.params", "dsp.errors", "math"} <= set(closure(sources, "models.contract"))


@pytest.mark.parametrize(
    ("importer", "source", "says"),
    [
        ("dsp.mel", "from models import contract", "dsp.mel:1 imports models.contract: dsp may import dsp"),
        ("dsp.mel", "import daemon", "dsp.mel:1 imports daemon: dsp may import dsp"),
        ("models.runtime", "from daemon.gate import Gate", "models may import models, dsp"),
        ("models.runtime", "def late() -> None:\n    import torch", "models.runtime:2 imports torch: torch belongs to"),
        ("daemon.pipeline", "from models.lab import corpora", "daemon.pipeline:1 imports models.lab"),
        ("daemon.pipeline", "from models import lab as runtime", "daemon.pipeline:1 imports models.lab"),
        ("daemon.pipeline", "from ..models.lab.corpora import find", "daemon.pipeline:1 imports models.lab.corpora"),
        ("daemon.pipeline", "import models", "daemon.pipeline:1 imports models:"),
        ("daemon.pipeline", "import benchmarks.stream", "daemon.pipeline:1 imports benchmarks.stream"),
        ("daemon.pipeline", "from tests.fixtures import broker", "only tests import tests"),
        ("daemon.capture.ring", "import pyaudio as audio", "pyaudio belongs to daemon.capture.microphone"),
        ("daemon.pipeline", "from paho.mqtt import client", "paho belongs to daemon.delivery, daemon.demo, benchmarks"),
        ("models.runtime", "import parselmouth", "parselmouth belongs to models.lab"),
        ("daemon.serve", "from starlette.routing import Route", "starlette belongs to daemon.dashboard"),
        ("models.networks.cl", "from sklearn.svm import SVC", "sklearn belongs to models.lab"),
        ("dsp.tables", "from librosa import filters", "librosa belongs to models.lab, benchmarks"),
        ("models.lab.fit", "from daemon import analysis", "models.lab.fit:1 imports daemon: models may import models, dsp"),
        ("models.lab.archive.judge", "from daemon.serve import serve", "models.lab.archive.judge:1 imports daemon.serve"),
        ("daemon.doctor", "import importlib\nimportlib.import_module('torch')", "daemon.doctor:2 imports torch"),
    ],
)
def test_a_breach_is_caught(importer: str, source: str, says: str) -> None:
    tree = made_up({"models.lab": "", "models.contract": "", importer: source})
    found = breaches(tree)
    assert len(found) == 1
    assert says in found[0]


@pytest.mark.parametrize(
    ("importer", "source"),
    [
        ("dsp.mel", "import numpy as np\nfrom dsp.params import FrontEndParams\nfrom .errors import ShapeError"),
        ("models.lab.fit", "import torch\nfrom models.networks.cl import CL"),
        ("models.networks.cl", "from torch import nn"),
        ("daemon.pipeline", "from models import contract\nfrom models.runtime import EmotionModel\nfrom . import gate"),
        ("daemon.capture.microphone", "import pyaudio"),
        ("daemon.demo.subscriber", "import paho.mqtt.client as mqtt"),
        ("models.lab.archive.judge", "from daemon.settings import Settings"),
        ("benchmarks.stream", "from daemon.pipeline import Pipeline\nfrom dsp import online"),
    ],
)
def test_what_the_layers_allow_passes(importer: str, source: str) -> None:
    assert breaches(made_up({"models.contract": "", importer: source})) == []


def test_a_long_way_to_torch_is_found_and_told() -> None:
    tree = made_up(
        {
            "daemon": "",
            "daemon.__main__": "from daemon import pipeline",
            "daemon.pipeline": "def run():\n    from models import runtime",
            "models": "from . import networks",
            "models.runtime": "",
            "models.networks": "import torch.nn",
        }
    )
    ways = forbidden_ways(tree, "daemon.__main__")
    assert ways[0] == "daemon.__main__ -> daemon.pipeline -> models -> models.networks -> torch"


def test_who_draws_for_a_person_may_load_nothing_else_and_nobody_else_may_draw() -> None:
    files = {"daemon": "", "daemon.power": "", "daemon.__main__": "def run():\n    from daemon.power import picture, logger"}
    draws = {"daemon.power.picture": "from matplotlib.figure import Figure", "daemon.power.logger": ""}
    assert forbidden_ways(made_up({**files, **draws}), "daemon.__main__") == []
    assert forbidden_ways(made_up({**files, **draws, "daemon.power.logger": "import matplotlib"}), "daemon.__main__")
    assert forbidden_ways(made_up({**files, **draws, "daemon.power.picture": "import pandas"}), "daemon.__main__")
