"""A model that answers, whatever its form: `open_model`. And models of windows: `EmotionModel.predict` on ONNX Runtime."""

from __future__ import annotations

from typing import Sequence

import numpy as np
from numpy.typing import NDArray

from models.adaptation import Heard
from models.choosing import choose
from models.contract import STREAM, WINDOWS
from models.errors import ContractMismatch
from models.placing import Placing
from models.providers import CPU, Wish
from models.registry import Artefact, load
from models.session import MAKE_SESSION, MakeSession, OnnxModel, Opened, open_file
from models.streaming import StreamModel


def open_model(
    name_or_path: str,
    wish: Wish | None = None,
    make: MakeSession = MAKE_SESSION,
    built_with: Sequence[str] | None = None,
) -> EmotionModel | StreamModel:
    """The model of that name or path, of the form that its contract says, on the provider that is wished for; None: the CPU.

    `make` and `built_with` stand for ONNX Runtime where there is none with such hardware. Raises ModelError for a wish that
    cannot be fulfilled; see `models.registry.load` for the other errors.
    """
    artefact = load(name_or_path)
    opened = open_file(artefact, make=make)
    on_cpu = _model(artefact, opened)
    if wish is None or wish.provider == CPU:
        return on_cpu
    return choose(on_cpu, wish.provider, Placing(artefact, opened, wish, make, built_with).openers(_model))


def _model(artefact: Artefact, opened: Opened) -> EmotionModel | StreamModel:
    return StreamModel(artefact, opened) if opened.contract.form == STREAM else EmotionModel(artefact, opened)


class WindowsApart:
    """An utterance as a model of windows hears it: each window is judged by itself."""

    def push(self, window: NDArray[np.float32]) -> NDArray[np.float32]:
        """(window_frames, n_features): what `EmotionModel.answer` wants."""
        return window

    def summary(self) -> None:
        """Nothing: what was heard is of no use to utterances to come."""


class EmotionModel(OnnxModel):
    """One model file, loaded, checked against its own contract by a first inference, and ready."""

    form = WINDOWS

    def __init__(self, artefact: Artefact, opened: Opened | None = None) -> None:
        """Raises ModelError for a file that is no ONNX model, ContractMismatch for one that breaks its promises."""
        super().__init__(artefact, opened)
        self._columns = self._checked_inputs(artefact)
        # the first inference allocates and proves the output's shape; no window of sound waits for it
        self.predict(np.zeros((1, *self.contract.window_shape), np.float32))

    @classmethod
    def open(cls, name_or_path: str) -> EmotionModel:
        """The model of that name or path; see `models.registry.load` for the errors."""
        return cls(load(name_or_path))

    def begin(self, heard: Heard | None = None) -> WindowsApart:  # noqa: ARG002  # what the seat knows is no window
        """An utterance begins."""
        return WindowsApart()

    def answer(self, pieces: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """`predict` of at least one window."""
        return self.predict(np.stack(pieces))

    def predict(self, windows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probabilities of windows (batch, window_frames, n_features) float32: (batch, n_labels), each row's sum 1.

        Raises ContractMismatch for another shape or dtype: nothing is reshaped to fit.
        """
        wants = self.contract.window_shape
        if windows.shape[1:] != wants or windows.dtype != np.float32:
            raise ContractMismatch(
                f"model {self.contract.name!r} wants windows {wants} float32, got {windows.shape} {windows.dtype}"
            )
        feed = {name: np.ascontiguousarray(windows[:, :, columns]) for name, columns in self._columns.items()}
        logits = self._session.run(None, feed)[0]
        if logits.shape != (len(windows), len(self.contract.labels)):
            raise ContractMismatch(
                f"model {self.contract.name!r} answers {logits.shape[1:]} values a window, "
                f"its contract names {len(self.contract.labels)} labels: export it again"
            )
        return self._probabilities(logits)

    def _checked_inputs(self, artefact: Artefact) -> dict[str, slice]:
        """Each input's columns in a frame."""
        front_end = self.contract.front_end
        for put in self._session.get_inputs():
            promised = [self.contract.window_frames, front_end.width(put.name)] if put.name in front_end.kinds else None
            if put.shape[1:] != promised:
                raise ContractMismatch(
                    f"model {artefact.path} wants the input {put.name!r} {put.shape[1:]}, its contract promises "
                    f"{promised if promised else ', '.join(front_end.kinds)}: export it again"
                )
        return {put.name: front_end.columns(put.name) for put in self._session.get_inputs()}
