"""A model's file opened on each provider that somebody wishes for: what `models.choosing` then puts to the trial."""

from __future__ import annotations

import time
from functools import partial
from typing import Callable, Mapping, Sequence, TypeVar

from dsp.params import LOG_MEL
from models.contract import STEP_FRAMES, STREAM
from models.engines import LONGEST_BUILD_S, EngineFolder, engine_folder, gpu_name, tensorrt_version
from models.errors import ModelError
from models.providers import AUTO, CUDA, NAMES, TENSORRT, Placement, Shapes, Wish, placement
from models.registry import Artefact
from models.session import MakeSession, Opened, available, open_file

MOST_AT_ONCE = 64
"""Windows of several seats in one inference."""
LONGEST_PIECE_FRAMES = 1024

M = TypeVar("M")


class Placing:
    """One file, which was opened on the CPU already."""

    def __init__(
        self, artefact: Artefact, on_cpu: Opened, wish: Wish, make: MakeSession, built_with: Sequence[str] | None = None
    ) -> None:
        """`built_with`: ONNX Runtime's providers; None: those of the one that is installed."""
        self._artefact = artefact
        self._on_cpu = on_cpu
        self._wish = wish
        self._make = make
        self._built_with, self._version = available()
        self._built_with = self._built_with if built_with is None else built_with

    def openers(self, build: Callable[[Artefact, Opened], M]) -> Mapping[str, Callable[[], M]]:
        """By provider, what opens a model there; `build` makes one of an open file."""
        return {CUDA: partial(self._on_cuda, build), TENSORRT: partial(self._on_tensorrt, build)}

    def _on_cuda(self, build: Callable[[Artefact, Opened], M]) -> M:
        self._require_built_with(CUDA)
        return self._opened(build, placement(CUDA))

    def _on_tensorrt(self, build: Callable[[Artefact, Opened], M]) -> M:
        self._require_built_with(TENSORRT)
        folder = self._engine()
        place = placement(TENSORRT, _shapes(self._on_cpu), folder.path, self._version)
        if folder.is_built:
            return self._opened(build, place)
        if self._wish.provider == AUTO:
            raise ModelError(
                "there is no engine yet for this model, these versions and this GPU: affectd doctor --build-engine"
            )
        self._wish.on_slow(LONGEST_BUILD_S)
        folder.begin()
        began_s = time.monotonic()
        model = self._opened(build, place)
        folder.finish(time.monotonic() - began_s)
        return model

    def _engine(self) -> EngineFolder:
        if self._wish.engines is None:
            raise ModelError("there is no folder for its engine: name one in $CACHE_DIRECTORY")
        return engine_folder(self._wish.engines, self._artefact.sha256, self._version, tensorrt_version(), gpu_name())

    def _opened(self, build: Callable[[Artefact, Opened], M], place: Placement) -> M:
        return build(self._artefact, open_file(self._artefact, place, self._make))

    def _require_built_with(self, provider: str) -> None:
        if NAMES[provider] not in self._built_with:
            raise ModelError("this ONNX Runtime was built without it; NVIDIA's onnxruntime-gpu has it")


def _shapes(on_cpu: Opened) -> Shapes:
    """The smallest, usual and largest shape of each input with an open one. What is open is the batch, but for the frames of a
    stream: its batch is one utterance, and its pieces are as long as they are.
    """
    contract = on_cpu.contract
    frames = STEP_FRAMES, contract.stride_frames, max(LONGEST_PIECE_FRAMES, contract.stride_frames)
    batch = (1, 1, 1) if contract.form == STREAM else (1, 1, MOST_AT_ONCE)
    shapes = {}
    for put in on_cpu.session.get_inputs():
        open_axes = {axis: batch for axis, n in enumerate(put.shape) if not isinstance(n, int)}
        if put.name == LOG_MEL and contract.form == STREAM:
            open_axes[1] = frames
        if open_axes:
            smallest, usual, largest = (
                tuple(open_axes[axis][n] if axis in open_axes else size for axis, size in enumerate(put.shape))
                for n in range(3)
            )
            shapes[put.name] = smallest, usual, largest
    return shapes
