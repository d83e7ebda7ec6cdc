"""What noise ends as: the benchmark counts what the service's gate and its test for speech make of a sound."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from benchmarks import not_speech
from benchmarks.not_speech import UNTRAINED, Ear, Pcm
from daemon import assembly
from daemon.demo.demo import RECORDING
from tests.daemon import recordings

LAB = pytest.mark.skipif(sys.version_info < (3, 10), reason="the card and the corpora are the lab's, Python 3.10 or newer")


@pytest.fixture(scope="module")
def ear() -> Ear:
    return Ear(assembly.open_model(str(UNTRAINED)), asked=True)


def tune() -> Pcm:
    return np.asarray(np.rint(recordings.tune(4.0) * 32767.0), np.int16)


def said() -> Pcm:
    samples, _ = soundfile.read(RECORDING, dtype="int16")
    return np.asarray(samples[: 5 * 16000], np.int16)


def test_a_tune_passes_the_gate_and_is_not_told(ear: Ear) -> None:
    assert ear.let_through(tune())
    assert ear.told(tune()) == (False, False)


def test_what_is_said_is_told(ear: Ear) -> None:
    assert ear.let_through(said())
    told, sure = ear.told(said())
    assert told
    assert isinstance(sure, bool)


def test_shares_are_in_percent_of_the_sounds(ear: Ear) -> None:
    row = ear.row("some", "alone", False, [tune(), said(), np.zeros(16000, np.int16), tune()])
    assert (row.n, row.let_through, row.told) == (4, 75.0, 25.0)
    assert Ear(assembly.open_model(str(UNTRAINED)), asked=False).row("some", "alone", False, [said()]).sure is None


def figures(sure: float | None = None) -> dict[str, Any]:
    row = {"kind": "rain", "where": "alone", "is_speech": False, "n": 1, "let_through": 50.0, "told": 20.0, "sure": sure}
    rows = [row, {**row, "kind": "music", "n": 3, "told": 60.0}, {**row, "kind": "EMO-DB", "is_speech": True, "told": 100.0}]
    return {"model": "affectnet", "sha256": "0", "rows": rows}


def test_the_table_has_a_row_a_kind_and_then_all_clips_together() -> None:
    lines = not_speech.table(figures()).splitlines()[2:]
    assert len(lines) == 3 + 2
    assert lines[0] == "| rain | alone | 1 | 50.0 | 20.0 | not asked |"
    assert lines[3] == "| all noise | alone | 4 | 50.0 | 50.0 | not asked |"
    assert lines[4] == "| all speech | alone | 1 | 50.0 | 100.0 | not asked |"
    assert not_speech.table(figures(12.5)).splitlines()[5] == "| all noise | alone | 4 | 50.0 | 50.0 | 12.5 |"


@LAB
def test_a_card_can_hold_it(tmp_path: Path) -> None:
    path = not_speech.card(figures()).write(tmp_path)
    written = json.loads(path.read_text())
    assert (written["model"], written["question"]) == ("affectnet", "not_speech")
    assert len(written["rows"]) == 5


@LAB
def test_not_speech() -> None:
    from models.lab.corpora import EMODB, corpora_root
    from models.lab.not_speech import MADE

    if not (corpora_root() / EMODB.folder).is_dir():
        pytest.skip("EMO-DB is not at hand: AFFECTD_CORPORA names no folder that holds it")
    found = not_speech.measure(short=True, plot=None)
    noise, speech = ([row for row in found["rows"] if row["is_speech"] == which] for which in (False, True))
    assert len(noise) == 13 + 1 + 2 * len(MADE)
    assert len(speech) == 4
    assert np.mean([row["told"] for row in speech]) > np.mean([row["told"] for row in noise]) + 50.0
