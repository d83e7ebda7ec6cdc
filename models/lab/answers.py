"""What a network said of each utterance of a test part: kept beside the scores, for what cannot be told from a confusion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import numpy as np
from numpy.typing import NDArray

from models.lab import metrics
from models.lab.corpora import Utterance
from models.lab.errors import LabError

LEAST_PROBABILITY = 1e-6
"""What is less is kept as this."""


@dataclass(frozen=True)
class Answers:
    """On n utterances, in their order."""

    speakers: Sequence[str]
    utterances: Sequence[str]
    """File names less suffix."""
    truth: Sequence[str]
    """Labels."""
    log_probabilities: NDArray[np.float64]
    """(n, n_labels) natural logs, at temperature 1, to three decimals."""

    @classmethod
    def of(cls, utterances: Sequence[Utterance], probabilities: NDArray[np.float64]) -> Answers:
        """`probabilities`: (n, n_labels)."""
        return cls(
            [each.speaker for each in utterances],
            [each.path.stem for each in utterances],
            [each.label for each in utterances],
            np.log(np.maximum(probabilities, LEAST_PROBABILITY)),
        )

    def lines(self) -> list[str]:
        """One an utterance: speaker, file, label, and the log-probabilities, with blanks between."""
        rows = zip(self.speakers, self.utterances, self.truth, self.log_probabilities)
        return [" ".join((*named, *(f"{each:.3f}" for each in logs))) for *named, logs in rows]

    @classmethod
    def read(cls, lines: Sequence[str], n_labels: int) -> Answers:
        """What `lines` wrote, of one or more runs. Raises LabError for what it did not write."""
        rows = [line.split(" ") for line in lines]
        broken = next((line for line, row in zip(lines, rows) if len(row) != 3 + n_labels), None)
        if broken is not None or not rows:
            raise LabError(f"answers: {broken!r}: want a speaker, a file, a label and {n_labels} log-probabilities")
        logs = np.array([row[3:] for row in rows], np.float64)
        return cls([row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows], logs)


def averaged(told: Sequence[Answers], labels: Sequence[str]) -> NDArray[np.int64]:
    """What several networks say together of the same utterances, by the mean of their log-probabilities.

    (n_labels, n_labels), a row is what was true.

    Raises LabError where the utterances are not the same.
    """
    first = told[0]
    if any((each.speakers, each.utterances, each.truth) != (first.speakers, first.utterances, first.truth) for each in told):
        raise LabError("answers of different utterances have no mean")
    said = np.mean([each.log_probabilities for each in told], axis=0).argmax(axis=1)
    return metrics.confusion(np.array([labels.index(label) for label in first.truth]), said, len(labels))
