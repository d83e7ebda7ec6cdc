"""How sure a model may be of a speaker it never heard: temperature, calibration error, and where it becomes uncertain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import numpy as np

from models.lab.affectnet.heard import COLD
from models.lab.answers import Answers
from models.lab.calibration import (
    Answered,
    Probabilities,
    Truth,
    at_temperature,
    calibrated_by_others,
    coverage,
    expected_calibration_error,
    temperature,
    threshold_for_share,
)
from models.lab.results import Result

MOST_CONFIDENCE_ASKED = 0.5
"""Below it an answer is more likely wrong than right: there is no need to ask for more."""
LEAST_SHARE_ANSWERED = 0.8
"""Of utterances by new speakers, clean: a service that seldom says anything serves nobody."""
N_BINS = 15


@dataclass(frozen=True)
class Doubt:
    """Of one condition; every answer is by a network that never heard its speaker."""

    temperature: float
    """That fits all of these answers: what ships."""
    min_confidence: float
    """What ships: see `MOST_CONFIDENCE_ASKED` and `LEAST_SHARE_ANSWERED`."""
    raw: Probabilities
    """(n, n_labels) at temperature 1."""
    honest: Probabilities
    """(n, n_labels), each speaker's at the temperature that all others' answers give."""
    truth: Truth
    """(n,) classes."""
    speakers: Sequence[str]

    @property
    def error_raw(self) -> float:
        """Expected calibration error before, 0 to 1."""
        return expected_calibration_error(self.raw, self.truth, N_BINS)

    @property
    def error(self) -> float:
        """The same of what nobody's own answers helped to set."""
        return expected_calibration_error(self.honest, self.truth, N_BINS)

    def answered(self, thresholds: Sequence[float]) -> list[Answered]:
        """What is left at each."""
        return coverage(self.honest, self.truth, thresholds)


def doubt(results: Sequence[Result], condition: str = COLD.name) -> Doubt | None:
    """Of all answers in these results, all seeds together; None where a result holds none."""
    if not results or not all(condition in each.answers for each in results):
        return None
    labels = results[0].labels
    answers = Answers.read([line for each in results for line in each.answers[condition]], len(labels))
    truth = np.array([labels.index(label) for label in answers.truth], np.int64)
    logs = answers.log_probabilities
    honest = calibrated_by_others(logs, truth, answers.speakers)
    least = min(MOST_CONFIDENCE_ASKED, threshold_for_share(honest, truth, LEAST_SHARE_ANSWERED))
    raw = at_temperature(logs, 1.0)
    return Doubt(round(temperature(logs, truth), 3), least, raw, honest, truth, answers.speakers)
