"""All benchmarks, each in a process of its own, and of their results one page: `benchmarks/RESULTS.md`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Mapping

from benchmarks.page import write
from benchmarks.rounds import Progress

HERE = Path(__file__).parent
RESULTS, PICTURES, PAGE = HERE / "results", HERE / "pictures", HERE / "RESULTS.md"
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "results": {
        "type": Path,
        "default": RESULTS,
        "metavar": "DIR",
        "help": "all: where each result lies as NAME.json; what is there is not measured again (default benchmarks/results)",
    },
    "again": {"action": "store_true", "help": "all: measure what is there, too"},
    "quick": {
        "action": "store_true",
        "help": "all: leave out what takes long; results of it that are there are told all the same",
    },
}
SECONDS = {
    "utterance": 60,
    "stream": 50,
    "streams": 170,
    "endtoend": 105,
    "outbox": 70,
    "startup": 95,
    "gpu": 4,
    "device": 65,
    "scaling": 60,
    "frontend": 50,
    "fft": 20,
    "affectnet": 90,
    "dashboard": 400,
    "delivery": 420,
    "soak": 1800,
}
"""What each takes about, on a core of its own."""
QUICK = ("utterance", "stream", "streams", "endtoend", "outbox", "startup", "gpu", "device", "scaling")
BY_HAND = ("noise", "newcomer", "not_speech", "fleet", "archive")
"""These want corpora, trained folds, several brokers or many recordings. They are told where their results are there."""
DRAWS = ("utterance", "stream", "streams", "endtoend", "outbox", "gpu", "scaling", "frontend", "dashboard", "soak")


def run(short: bool, results: Path, again: bool, quick: bool, page: Path = PAGE, pictures: Path = PICTURES) -> int:
    """Measure what is missing, write the page. What cannot run here is told on it, and is no failure; 1 where one broke."""
    results.mkdir(parents=True, exist_ok=True)
    names = [name for name in (QUICK if quick else SECONDS) if again or not (results / f"{name}.json").exists()]
    progress = Progress({name: float(SECONDS[name]) for name in names})
    cannot: dict[str, str] = {}
    for name in names:
        progress.stage(name)
        why = _measured(name, short, results / f"{name}.json", pictures)
        if why:
            cannot[name] = why
    found = {name: _read(results / f"{name}.json") for name in (*SECONDS, *BY_HAND)}
    write(page, {name: told for name, told in found.items() if told}, cannot, pictures)
    print(f"{page}: {sum(map(bool, found.values()))} results")
    for name, why in cannot.items():
        print(f"{name}: {why}")
    return int(any(why.startswith("failed") for why in cannot.values()))


def _measured(name: str, short: bool, result: Path, pictures: Path) -> str:
    """Nothing, or why there is no result. It is there whole or not at all."""
    with tempfile.TemporaryDirectory() as folder:
        new = Path(folder) / "result.json"
        command = [sys.executable, "-m", "benchmarks", name, "--json", str(new), *(["--short"] if short else [])]
        # the page is a screenshot; without matplotlib there are figures without a picture
        if name in DRAWS and (name == "dashboard" or find_spec("matplotlib")):
            pictures.mkdir(parents=True, exist_ok=True)
            command += ["--plot", str(pictures / f"{name}.png")]
        done = subprocess.run(
            command, cwd=HERE.parent, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
        )
        if done.returncode == 0:
            text = new.read_text()
            beside = result.with_suffix(".new")
            beside.write_text(text)
            os.replace(beside, result)
            return ""
    last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    return f"failed: {last}" if "Traceback" in done.stderr else f"not here: {last}"


def _read(result: Path) -> dict[str, Any] | None:
    return dict(json.loads(result.read_text())) if result.exists() else None
