"""The files that are timed: an AffectNet in float32, and the smaller files that are made of it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsp.offline import feature_frames
from dsp.params import LOG_MEL
from dsp.running_functionals import n_functionals
from models import registry
from models.registry import Artefact
from models.streaming import StreamModel

DEFAULT = "affectnet"
"""Timed if it ships, and else its recipe's network with random weights."""
MADE_UP = f"{DEFAULT}, random weights"
PRECISE = "fp32"


class Timed(NamedTuple):
    """One model."""

    name: str
    by_precision: dict[str, StreamModel]
    kilobytes: dict[str, int]


def timed(model: str | None, samples: NDArray[np.float32]) -> Timed:
    """The model of that name or path. Raises ModelError where there is none, LabError for one that is no AffectNet.

    `samples`: speech to calibrate the 8 bits by. That is too little for good answers: they are timed here, not judged.
    """
    # the lab wants a newer Python than the benchmarks beside this one
    from models.lab import quantise
    from models.lab.quantised_file import FP16, INT8

    if model is None and DEFAULT not in registry.names():
        name, content = MADE_UP, made_up()
    else:
        name = model or DEFAULT
        content = registry.load(name).content
    half = quantise.fp16(content)  # says what is wrong with a file that is no AffectNet
    opened = _opened(PRECISE, content)
    front_end, utterance = opened.contract.front_end, opened.begin()
    frames = feature_frames(samples, front_end)
    utterance.push(frames)
    said = utterance.summary()
    example = quantise.Example(frames[:, front_end.columns(LOG_MEL)], said.functionals, said)
    eighth = quantise.int8(content, [example])
    contents = {PRECISE: content, FP16: half, INT8: eighth}
    models = {PRECISE: opened, **{each: _opened(each, contents[each]) for each in (FP16, INT8)}}
    return Timed(name, models, {each: round(len(content) / 1000) for each, content in contents.items()})


def made_up() -> bytes:
    """The recipe's network, as large as it ships, its weights drawn."""
    from models.lab import recipe
    from models.lab.export import contract_of, to_onnx
    from models.networks.affectnet import AffectNet

    chosen = recipe.load(DEFAULT)
    network = AffectNet(chosen.front_end.n_mels, n_functionals(chosen.front_end), len(chosen.labels))
    rng = np.random.default_rng(0)
    for weights in network.parameters():
        fan_in = max(1, weights[0].numel())
        weights.data.copy_(weights.new_tensor(rng.standard_normal(tuple(weights.shape)) / np.sqrt(fan_in)))
    return to_onnx(network.eval(), contract_of(chosen))


def _opened(precision: str, content: bytes) -> StreamModel:
    return StreamModel(Artefact(precision, Path(precision), hashlib.sha256(content).hexdigest(), content))
