"""What the papers print: the rows of their tables, each under the name of its recipe."""

from __future__ import annotations

from dataclasses import dataclass

TITLES = {
    1: "Paper 1: CL, a CNN beside an LSTM (H. Wang)",
    2: "Paper 2: CNN-LSTM on spectrogram images (P. Zheng et al.)",
    3: "Paper 3: 1-D and 2-D CNN-LSTM (D. Dey et al.)",
    4: "Paper 4: a table of acoustic features (P. Rastogi)",
    5: "Paper 5: four augmentations, and a 1-D CNN (Z. Boucheta, I. Roubache)",
}

TEST, BEST_VALIDATION = "accuracy", "best validation accuracy"


@dataclass(frozen=True)
class Row:
    """One row of a paper's table."""

    recipe: str
    paper: int
    network: str
    """As the paper calls it."""
    corpus: str
    accuracy: float | None
    """Per cent; None where the paper prints none."""
    kind: str = TEST
    """What the accuracy is of."""
    note: str = ""

    def has_twin(self, recipe: str) -> bool:
        """Whether `recipe` is this row, or this row with something changed: its name goes on after a hyphen."""
        return recipe == self.recipe or recipe.startswith(self.recipe + "-")


_CLAIM = "no figure of its own: the abstract says that CL gains {} points over the spatial or the temporal part alone"
_BOTH = "the paper's summary is of the dense network, its text calls the network a CNN-LSTM: one figure for both"

ROWS = (
    Row("paper1-cl-emodb", 1, "CL", "EMO-DB", 85.72),
    Row("paper1-control-1-emodb", 1, "control 1: spectrogram into both branches", "EMO-DB", 83.11),
    Row("paper1-control-2-emodb", 1, "control 2: MFCC into both", "EMO-DB", 81.23),
    Row("paper1-control-3-emodb", 1, "control 3: spectrogram into the LSTM, MFCC into the CNN", "EMO-DB", 80.83),
    Row("paper1-cnn-emodb", 1, "the CNN alone", "EMO-DB", None, note=_CLAIM.format("6.88")),
    Row("paper1-lstm-emodb", 1, "the LSTM alone", "EMO-DB", None, note=_CLAIM.format("6.88")),
    Row("cl-emodb", 1, "CL, 80 epochs: what ships", "EMO-DB", 85.72),
    Row("paper1-cl-casia", 1, "CL", "CASIA", 82.86),
    Row("paper1-control-1-casia", 1, "control 1: spectrogram into both branches", "CASIA", 79.35),
    Row("paper1-control-2-casia", 1, "control 2: MFCC into both", "CASIA", 78.67),
    Row("paper1-control-3-casia", 1, "control 3: spectrogram into the LSTM, MFCC into the CNN", "CASIA", 77.57),
    Row("paper1-cnn-casia", 1, "the CNN alone", "CASIA", None, note=_CLAIM.format("7.20")),
    Row("paper1-lstm-casia", 1, "the LSTM alone", "CASIA", None, note=_CLAIM.format("7.20")),
    Row("cl-casia", 1, "CL, 80 epochs", "CASIA", 82.86),
    Row("paper2-image-casia", 2, "CNN-LSTM on spectrogram images", "CASIA", 78.9),
    Row("paper3-2d-emodb", 3, "2D CNN LSTM", "EMO-DB", 80.68, BEST_VALIDATION),
    Row("paper3-2d-pieces-emodb", 3, "2D CNN-LSTM, time-distributed", "EMO-DB", 62.0, BEST_VALIDATION),
    Row("paper3-2d-pieces-bi-emodb", 3, "2D CNN-BiLSTM, time-distributed", "EMO-DB", 66.38, BEST_VALIDATION),
    Row("paper3-1d-emodb", 3, "1D CNN LSTM", "EMO-DB", 65.4, BEST_VALIDATION),
    Row("paper3-1d-bi-emodb", 3, "1D CNN-BiLSTM", "EMO-DB", 66.15, BEST_VALIDATION),
    Row("paper4-dense", 4, "dense 256-128-64-6", "TESS+CREMA-D+RAVDESS", 65.14, note=_BOTH),
    Row("paper4-cnn-lstm", 4, "Conv1D, LSTM 128, LSTM 64", "TESS+CREMA-D+RAVDESS", 65.14, note=_BOTH),
    Row("paper5-tree", 5, "decision tree", "RAVDESS-7", 41.5),
    Row("paper5-knn", 5, "KNN, k = 4", "RAVDESS-7", 49.4),
    Row("paper5-conv1d", 5, "Conv1D", "RAVDESS-7", 72.5),
)
"""In the order of the report."""


def row_of(recipe: str) -> Row | None:
    """The row that `recipe` is, or is a twin of; None if no paper has it."""
    twins = [row for row in ROWS if row.has_twin(recipe)]
    return max(twins, key=lambda row: len(row.recipe), default=None)
