"""A model that is fed an utterance piece by piece and answers for all of it so far: `StreamModel` on ONNX Runtime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Dict, Iterable, Mapping, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParamError
from dsp.params import LOG_MEL
from dsp.running_functionals import RunningFunctionals, n_functionals
from dsp.window import tile
from models.adaptation import Heard
from models.contract import STEP_FRAMES, STREAM
from models.errors import ContractMismatch
from models.registry import Artefact
from models.session import OnnxModel, Opened, first_line

if TYPE_CHECKING:
    # at run time `models.session` alone imports it, after it has set what must be set before
    import onnxruntime

FUNCTIONALS, LOGITS = "functionals", "logits"
HEARD = ("heard_log_mel", "heard_frames", "heard_functionals", "heard_utterances")
"""The inputs for what the seat knows of its speaker; all zero: nothing."""
STATE, NEXT = "state_", "next_"
"""How the names of the inputs begin that carry the state, and of the outputs that become it."""

FLOATS = "tensor(float)"

Arrays = Dict[str, NDArray[np.float32]]
Shape = Tuple[Optional[int], ...]
"""None: open."""


class State:
    """What the model keeps of one utterance: what one run gives goes into the next as it is.

    Runs of several utterances are not made one: to gather and scatter what is kept of them costs what that saves, and an
    answer would depend, in its last bits, on who else speaks.
    """

    def __init__(self, session: onnxruntime.InferenceSession, heard: Arrays, nothing: Arrays) -> None:
        """`heard`, and `nothing`, the state before an utterance, by the names of the inputs."""
        self._session = session
        self._heard = heard
        self._before = self._after = nothing
        self._outputs = [LOGITS, *map(_following, nothing)]

    def logits(self, piece: Piece) -> NDArray[np.float32]:
        """(n_labels,) of a piece of this utterance."""
        if piece.goes_on:
            self._before = self._after
        # bindings to arrays of our own would spare each run 25 us, and cost each utterance 500 to make
        feed = {**self._heard, **self._before, LOG_MEL: piece.log_mel, FUNCTIONALS: piece.functionals}
        logits, *after = self._session.run(self._outputs, feed)
        self._after = dict(zip(self._before, after))
        found: NDArray[np.float32] = logits[0]
        return found


@dataclass(frozen=True)
class Piece:
    """What the model is to answer: an utterance up to some frame."""

    state: State
    """Of the utterance."""
    log_mel: NDArray[np.float32]
    """(1, k, n_mels), k a multiple of STEP_FRAMES."""
    functionals: NDArray[np.float32]
    """(1, n_functionals) of all frames so far."""
    goes_on: bool
    """Whether the log-mel follows that of the piece before, or takes its place."""


class Utterance:
    """One that is being said: what is known of it so far, in memory that does not grow."""

    def __init__(self, functionals: RunningFunctionals, state: State) -> None:
        """`functionals`: without frames, and nobody else's."""
        self._state = state
        self._functionals = functionals
        self._columns = functionals.params.columns(LOG_MEL)
        self._log_mel_sum = np.zeros(functionals.params.n_mels)
        self._waiting = self._newest = np.zeros((0, functionals.params.n_mels), np.float32)
        self._has_steps = False

    def push(self, frames: NDArray[np.float32]) -> Piece:
        """Take (k, n_features) float32; `StreamModel.answer` wants each piece once, in this order.

        Frames that make no whole step wait for more; only the functionals have them already. As long as there are fewer than
        a step in all, they are repeated to fill one. Raises ShapeError for frames of another kind, or when there are none yet.
        """
        self._functionals.push(frames)
        functionals = self._functionals.values()
        new = frames[:, self._columns]
        self._log_mel_sum += new.sum(axis=0, dtype=np.float64)
        log_mel = np.concatenate([self._waiting, new])
        n_whole = len(log_mel) - len(log_mel) % STEP_FRAMES
        self._waiting = log_mel[n_whole:]
        goes_on = self._has_steps and n_whole > 0
        if n_whole:
            self._newest, self._has_steps = log_mel[:n_whole], True
        elif not self._has_steps:
            self._newest = tile(log_mel, STEP_FRAMES)
        # else the functionals alone are new: the newest steps are judged again beside them
        return Piece(self._state, self._newest[np.newaxis], functionals[np.newaxis], goes_on)

    def summary(self) -> Heard:
        """What was heard in it. Raises ShapeError before the first frame."""
        functionals, n_frames = self._functionals.values(), self._functionals.n_frames
        return Heard((self._log_mel_sum / n_frames).astype(np.float32), n_frames, functionals, n_utterances=1)


class StreamModel(OnnxModel):
    """One model file, loaded, checked against its own contract by a first inference, and ready."""

    form = STREAM

    def __init__(self, artefact: Artefact, opened: Opened | None = None) -> None:
        """Raises ModelError for a file that is no ONNX model, ContractMismatch for one that breaks its promises."""
        super().__init__(artefact, opened)
        try:
            self._no_frames = RunningFunctionals(self.contract.front_end)
        except ParamError as trouble:
            raise ContractMismatch(f"model {artefact.path}: {trouble}: export it again") from trouble
        self._n_functionals = n_functionals(self.contract.front_end)
        self._nothing = {name: np.zeros(shape, np.float32) for name, shape in self._checked_shapes(artefact).items()}
        """The inputs that carry the state, as an utterance begins."""
        self._warm_up(artefact)

    def begin(self, heard: Heard | None = None) -> Utterance:
        """An utterance begins, said by somebody of whom so much is known; None: nothing.

        Raises ContractMismatch for what another front end heard.
        """
        shape = (self.contract.front_end.n_mels,), (self._n_functionals,)
        if heard is None:
            heard = Heard(np.zeros(shape[0], np.float32), 0, np.zeros(shape[1], np.float32), 0)
        if (heard.log_mel.shape, heard.functionals.shape) != shape:
            got = heard.log_mel.shape, heard.functionals.shape
            raise ContractMismatch(f"model {self.contract.name!r} wants to know of a speaker {shape}, got {got}")
        known = (heard.log_mel, [heard.n_frames], heard.functionals, [heard.n_utterances])
        rows = {name: np.array([values], np.float32) for name, values in zip(HEARD, known)}
        return Utterance(self._no_frames.another(), State(self._session, rows, self._nothing))

    def answer(self, pieces: Sequence[Piece]) -> NDArray[np.float64]:
        """Probabilities of each piece's utterance up to its end: (n, n_labels), each row's sum 1. At least one piece."""
        return self._probabilities(np.stack([piece.state.logits(piece) for piece in pieces]))

    def _checked_shapes(self, artefact: Artefact) -> dict[str, tuple[int, ...]]:
        n_mels, n_labels = self.contract.front_end.n_mels, len(self.contract.labels)
        inputs, outputs = _shapes(self._session.get_inputs()), _shapes(self._session.get_outputs())
        # what is open but the frames is the batch, which is one utterance
        states = {name: tuple(n or 1 for n in shape) for name, shape in inputs.items() if name.startswith(STATE)}
        heard = zip(HEARD, ((1, n_mels), (1, 1), (1, self._n_functionals), (1, 1)))
        promised = {LOG_MEL: (1, None, n_mels), FUNCTIONALS: (1, self._n_functionals), **dict(heard), **states}
        _require(artefact, "input", inputs, promised)
        _require(artefact, "output", outputs, {LOGITS: (1, n_labels), **{_following(name): states[name] for name in states}})
        return states

    def _warm_up(self, artefact: Artefact) -> None:
        """The first inferences allocate and prove the outputs' shapes; no sound waits for them. Raises ContractMismatch."""
        frames = np.zeros((self.contract.stride_frames, self.contract.front_end.n_features), np.float32)
        utterance = self.begin()
        try:
            self.answer([utterance.push(frames), utterance.push(frames)])
        except Exception as trouble:  # ONNX Runtime raises a dozen unrelated classes, for shapes that do not fit, too
            raise ContractMismatch(
                f"model {artefact.path} does not carry its state on: {first_line(trouble)}: export it again"
            ) from trouble


def _following(state: str) -> str:
    """The output that becomes this input."""
    return NEXT + state[len(STATE) :]


def _shapes(puts: Iterable[onnxruntime.NodeArg]) -> dict[str, Shape]:
    return {put.name: tuple(n if isinstance(n, int) else None for n in put.shape) for put in puts if put.type == FLOATS}


def _require(artefact: Artefact, what: str, got: Mapping[str, Shape], promised: Mapping[str, Shape]) -> None:
    for name in [*promised, *got]:
        has, wants = got.get(name), promised.get(name)
        if has is None or wants is None or len(has) != len(wants) or any(h not in (None, w) for h, w in zip(has, wants)):
            raise ContractMismatch(
                f"model {artefact.path}: its {what} {name!r} is {has or 'not there'}, its contract promises {wants or 'none'}: "
                "export it again"
            )
