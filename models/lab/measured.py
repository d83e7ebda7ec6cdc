"""What benchmarks found of a model that ships: one JSON a question, which the model's card shows as it stands."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Mapping, Sequence

from models.lab.errors import LabError

MEASURED = Path(__file__).parent / "measured"


@dataclass(frozen=True)
class Measured:
    """One question and its answer."""

    model: str
    """Whose card it belongs on: a recipe's name."""
    question: str
    """The benchmark's name; a model has one answer to each."""
    title: str
    command: str
    """That shows it again."""
    about: str
    """What must be known to read the table: seeds, folds, what was held out. Markdown."""
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    """Cells as they are shown, as many a row as `head` has."""
    machine: Mapping[str, Any]
    """Processor and versions; see `benchmarks.machine.facts`."""
    figures: Mapping[str, Any]
    """The numbers behind the table."""

    def write(self, folder: Path = MEASURED) -> Path:
        """Put it in its place, over what was measured before. Raises LabError for rows of another width than the head's."""
        if any(len(row) != len(self.head) for row in self.rows):
            raise LabError(f"{self.question}: want rows of {len(self.head)} cells")
        path = folder / self.model / f"{self.question}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(self), indent=1, sort_keys=True) + "\n", encoding="utf-8")
        os.replace(partial, path)
        return path


def measured(model: str, folder: Path = MEASURED) -> list[Measured]:
    """All that was measured of a model, by the question's name. Raises LabError for a file that holds something else."""
    found = []
    for path in sorted((folder / model).glob("*.json")):
        try:
            found.append(Measured(**json.loads(path.read_text(encoding="utf-8"))))
        except (ValueError, TypeError) as trouble:
            raise LabError(f"{path}: is not what a benchmark measured ({trouble}): measure it again") from trouble
    return found
