"""An inference on silence, which proves that the model still answers while nobody speaks."""

from __future__ import annotations

import numpy as np

from daemon.ports import Model
from models.errors import ModelError


class Trial:
    """Asks the model as an utterance would, a stride or a window of zeros. On the loop's thread, as everything that asks it."""

    def __init__(self, model: Model) -> None:
        self._model = model
        contract = model.contract
        n_frames = contract.window_frames or contract.stride_frames
        self._frames = np.zeros((n_frames, contract.front_end.n_features), np.float32)

    def __call__(self) -> None:
        """Returns once there is an answer. Raises ModelError for one that is none."""
        model = self._model
        answer = model.answer([model.begin().push(self._frames)])
        if answer.shape != (1, len(model.contract.labels)) or not abs(float(answer.sum()) - 1.0) < 1e-3:
            raise ModelError(f"model {model.contract.name!r} answers a trial with {answer.tolist()}: that are no probabilities")
