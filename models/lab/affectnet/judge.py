"""What AffectNet says of a test part, under each condition."""

from __future__ import annotations

from itertools import cycle
from typing import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from dsp.params import LOG_MEL, FrontEndParams
from dsp.running_functionals import utterance_functionals
from dsp.window import tile
from models.adaptation import Heard
from models.lab.affectnet import heard
from models.lab.affectnet.fit import as_heard
from models.lab.affectnet.heard import Condition
from models.lab.affectnet.voices import Voices
from models.lab.calibration import at_temperature
from models.networks.affectnet import FRAMES_A_STEP, AffectNet
from models.streaming import StreamModel

PIECE_FRAMES = (1, 3, 8, 32)
"""Of an utterance given to the service's model, in turn."""


def probabilities(network: AffectNet, voices: Voices, condition: Condition, seed: int = 0) -> NDArray[np.float64]:
    """(n_utterances, n_labels): of each whole utterance. What the seat heard before it is drawn by `seed`."""
    rng = np.random.default_rng(seed)
    return np.stack([of_one(network, voices, i, heard.in_test(voices, i, condition, rng)) for i in range(len(voices.log_mel))])


def of_one(network: AffectNet, voices: Voices, position: int, known: Heard) -> NDArray[np.float64]:
    """(n_labels,) of one utterance, of its `whole_steps`."""
    with torch.no_grad():
        logits, _ = network(
            torch.from_numpy(whole_steps(voices.log_mel[position])[np.newaxis]),
            torch.from_numpy(voices.functionals[position][np.newaxis]),
            as_heard([known]),
            network.of_log_mel.begin(1),
        )
    return np.asarray(torch.softmax(logits.double(), dim=1)[0].numpy())


def whole_steps(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, n_mels), n > 0, without the frames that make no whole step at the end; fewer than a step are repeated to fill one."""
    n_whole = len(frames) // FRAMES_A_STEP * FRAMES_A_STEP
    return frames[:n_whole] if n_whole else tile(frames, FRAMES_A_STEP)


def largest_difference(
    model: StreamModel, network: AffectNet, front_end: FrontEndParams, frames: Sequence[NDArray[np.float32]]
) -> float:
    """Of any probability, between the service's model, given utterances in pieces, and torch, given them whole.

    `frames`: one (n_frames, n_features) an utterance. Each is said by somebody of whom the one before is known.
    """
    columns = front_end.columns(LOG_MEL)
    largest, known = 0.0, None
    for each in frames:
        utterance = model.begin(known)
        for piece in _pieces(each):
            said = model.answer([utterance.push(piece)])[0]
        table = utterance_functionals(each, front_end)
        alone = Voices([np.ascontiguousarray(each[:, columns])], table[np.newaxis], [""], [""])
        likely = of_one(network, alone, 0, known or alone.heard(np.empty(0, np.int64)))
        wanted = at_temperature(np.log(likely)[np.newaxis], model.contract.temperature)[0]
        largest, known = max(largest, float(np.abs(said - wanted).max())), utterance.summary()
    return largest


def _pieces(frames: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    begin = 0
    for n_frames in cycle(PIECE_FRAMES):
        if begin >= len(frames):
            return
        yield frames[begin : begin + n_frames]
        begin += n_frames
