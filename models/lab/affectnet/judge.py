"""What AffectNet says of a test part, under each condition."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from dsp.window import tile
from models.lab.affectnet import heard
from models.lab.affectnet.fit import as_heard
from models.lab.affectnet.heard import Condition
from models.lab.affectnet.voices import Heard, Voices
from models.networks.affectnet import FRAMES_A_STEP, AffectNet


def probabilities(network: AffectNet, voices: Voices, condition: Condition, seed: int = 0) -> NDArray[np.float64]:
    """(n_utterances, n_labels): of each whole utterance. What the seat heard before it is drawn by `seed`."""
    rng = np.random.default_rng(seed)
    return np.stack([of_one(network, voices, i, heard.in_test(voices, i, condition, rng)) for i in range(len(voices.log_mel))])


def of_one(network: AffectNet, voices: Voices, position: int, known: Heard) -> NDArray[np.float64]:
    """(n_labels,) of one utterance; frames that make no whole step at its end are left out."""
    frames = voices.log_mel[position]
    whole = (
        frames[: len(frames) // FRAMES_A_STEP * FRAMES_A_STEP] if len(frames) >= FRAMES_A_STEP else tile(frames, FRAMES_A_STEP)
    )
    with torch.no_grad():
        logits, _ = network(
            torch.from_numpy(whole[np.newaxis]),
            torch.from_numpy(voices.functionals[position][np.newaxis]),
            as_heard([known]),
            network.of_log_mel.begin(1),
        )
    return np.asarray(torch.softmax(logits.double(), dim=1)[0].numpy())
