"""The trial inference: every model that ships answers it, and what is no answer is found out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from daemon.service.trial import Trial
from models import registry
from models.errors import ModelError
from models.runtime import open_model


@pytest.mark.parametrize("name", registry.names())
def test_every_model_that_ships_answers(name: str) -> None:
    trial = Trial(open_model(name))
    trial()
    trial()


@pytest.mark.parametrize("answer", [[[np.nan] * 7], [[0.5] * 7], [[1.0, 0.0]], [1.0], np.zeros((0, 7))])
def test_what_is_no_answer_is_an_error(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    model = open_model("affectnet")
    monkeypatch.setattr(model, "answer", lambda pieces: np.asarray(answer))
    with pytest.raises(ModelError, match="that are no probabilities"):
        Trial(model)()
