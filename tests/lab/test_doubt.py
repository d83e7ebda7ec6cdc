"""How sure a model may be: from the answers that results keep to what its contract asks for and its card shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.lab import splits
from models.lab.answers import Answers
from models.lab.card_scores import by_speaker, confidence
from models.lab.corpora import EMODB, Utterance
from models.lab.doubt import LEAST_SHARE_ANSWERED, MOST_CONFIDENCE_ASKED, doubt
from models.lab.errors import LabError
from models.lab.export import contract_of
from models.lab.measured import Measured, measured
from models.lab.results import Result
from models.lab.scored import Scored
from tests.lab import tiny
from tests.lab.tiny_report import result

LABELS = tiny.RECIPE.labels
SPEAKERS = ("03", "08", "09")


def told(n: int, right: float, confidence_said: float, seed: int = 0) -> Result:
    """A result with n answers, of which this share is right, all said with one confidence."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(3, size=n)
    said = np.where(rng.random(n) < right, truth, (truth + 1) % 3)
    probabilities = np.full((n, 3), (1.0 - confidence_said) / 2)
    probabilities[np.arange(n), said] = confidence_said
    spoken = [Utterance(Path(f"{k}.wav"), SPEAKERS[k % 3], LABELS[truth[k]]) for k in range(n)]
    matrix = np.zeros((3, 3), int)
    np.add.at(matrix, (truth, said), 1)
    empty = result(tiny.RECIPE, splits.SPEAKER_INDEPENDENT, 0, "03", matrix.tolist())
    return replace(empty, answers={"cold": Answers.of(spoken, probabilities).lines()})


def test_a_model_too_sure_of_itself_is_cooled_down() -> None:
    sure = doubt([told(600, right=0.7, confidence_said=0.99)])
    assert sure is not None
    assert sure.temperature > 1.5
    assert sure.error_raw == pytest.approx(0.29, abs=0.05)
    assert sure.error < 0.06
    assert sure.min_confidence == MOST_CONFIDENCE_ASKED


def test_what_is_asked_for_leaves_most_answered() -> None:
    timid, bold = told(300, right=0.4, confidence_said=0.4), told(100, right=0.95, confidence_said=0.9)
    sure = doubt([timid, bold])
    assert sure is not None
    assert sure.min_confidence < MOST_CONFIDENCE_ASKED
    (left,) = sure.answered([sure.min_confidence])
    assert left.share >= LEAST_SHARE_ANSWERED


def test_results_without_answers_justify_nothing() -> None:
    with_answers = told(30, 0.7, 0.9)
    assert doubt([]) is None
    assert doubt([with_answers, replace(with_answers, answers={})]) is None
    contract = contract_of(tiny.RECIPE, [Scored(splits.SPEAKER_INDEPENDENT, [replace(with_answers, answers={})])])
    assert (contract.temperature, contract.min_confidence) == (1.0, 0.35)


def test_the_contract_carries_what_the_answers_justify() -> None:
    found = told(600, right=0.7, confidence_said=0.99)
    sure = doubt([found])
    assert sure is not None
    contract = contract_of(tiny.RECIPE, [Scored(splits.SPEAKER_INDEPENDENT, [found])])
    assert (contract.temperature, contract.min_confidence) == (sure.temperature, sure.min_confidence)
    shown = confidence(contract, sure)
    assert f"{sure.error:.3f}" in shown
    assert f"| **{contract.min_confidence:.2f}** |" in shown


def test_scores_by_gender_count_every_answer_once() -> None:
    sure = doubt([told(300, right=0.7, confidence_said=0.8)])
    assert sure is not None
    rows = [line.split(" | ") for line in by_speaker(EMODB, sure, LABELS).splitlines() if line.startswith(("| women", "| men"))]
    assert [(row[0].strip("| "), row[1], row[2]) for row in rows] == [("women", "2", "200"), ("men", "1", "100")]


def test_what_was_measured_reads_as_it_was_written(tmp_path: Path) -> None:
    found = Measured("tiny", "noise", "In noise", "python -m benchmarks noise", "", ["SNR", "UAR"], [["10", "80"]], {}, {})
    found.write(tmp_path)
    assert measured("tiny", tmp_path) == [found]
    assert measured("another", tmp_path) == []
    with pytest.raises(LabError, match="want rows of 2 cells"):
        replace(found, rows=[["10"]]).write(tmp_path)
    (tmp_path / "tiny" / "noise.json").write_text("{}")
    with pytest.raises(LabError, match=r"noise\.json: is not what a benchmark measured"):
        measured("tiny", tmp_path)
