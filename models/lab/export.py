"""From a finished training to the model file that ships, its card and its sum."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from dsp.window import utterance_windows
from models.contract import METADATA_KEY, STREAM, UNJUSTIFIED_CONFIDENCE, WINDOWS, Contract
from models.lab import corpora
from models.lab.affectnet.judge import largest_difference as largest_difference_of_streams
from models.lab.affectnet.to_onnx import to_onnx as affectnet_to_onnx
from models.lab.card import card
from models.lab.doubt import doubt
from models.lab.errors import LabError
from models.lab.features import extract
from models.lab.fit import Fitted, as_inputs
from models.lab.made import MADE_KEY, Made
from models.lab.measured import measured
from models.lab.recipe import Recipe
from models.lab.scored import Scored
from models.lab.splits import SPEAKER_INDEPENDENT
from models.lab.train import trained
from models.networks.affectnet import AffectNet
from models.networks.network import Network
from models.registry import ARTEFACTS, SUMS, Artefact
from models.runtime import EmotionModel
from models.streaming import StreamModel

OPSET = 17
NEWEST_IR_VERSION = 8
"""What ONNX Runtime 1.16, the newest for Python 3.8, can be sure to load with opset 17."""
TOLERANCE = 1e-4
"""Largest difference between a probability of torch and of ONNX Runtime."""
N_CHECKED_UTTERANCES = 20


@dataclass(frozen=True)
class Exported:
    """A model file as written, and how far it is from torch."""

    path: Path
    sha256: str
    n_checked: int
    """Answers on real recordings."""
    largest_difference: float


def export(
    recipe: Recipe,
    seed: int,
    scored: Sequence[Scored],
    checkpoints: Path,
    out: Path | None = None,
    artefacts: Path = ARTEFACTS,
) -> Exported:
    """Write the model file; in `artefacts` also its card and its line in SHA256SUMS.

    `scored`: the protocols whose results are at hand. The same checkpoint and scores give the same bytes. Raises LabError
    when the training is not finished, when ONNX Runtime answers otherwise than torch, and when the file would lie among
    the artefacts though its corpus forbids giving away what was trained on it.
    """
    out = out or artefacts / f"{recipe.name}.onnx"
    ships = artefacts.resolve() in out.resolve().parents
    if ships and not recipe.corpus.may_ship:
        raise LabError(
            f"{out}: weights trained on {recipe.corpus.name} may not be given away "
            f"(licence: {recipe.corpus.licence}); use --out with a path outside {artefacts}"
        )
    fitted = trained(recipe, seed, checkpoints)
    content = to_onnx(fitted.network, contract_of(recipe, scored), _made(recipe, seed, fitted))
    sha256 = hashlib.sha256(content).hexdigest()
    n_checked, difference = compared(Artefact(out.stem, out, sha256, content), fitted, recipe)
    if difference > TOLERANCE:
        raise LabError(f"{out}: ONNX Runtime is {difference:.1e} from torch, {TOLERANCE:.0e} at most is allowed: not written")
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_suffix(".partial")
    partial.write_bytes(content)
    os.replace(partial, out)
    if ships:
        out.with_suffix(".md").write_text(card(recipe, content, scored, measured(recipe.name)))
        write_sum(out, sha256)
    return Exported(out, sha256, n_checked, difference)


def _made(recipe: Recipe, seed: int, fitted: Fitted[Network] | Fitted[AffectNet]) -> Made:
    within = getattr(fitted.network, "network", fitted.network)
    network = str(sys.modules[type(within).__module__].__doc__).splitlines()[0]
    return Made(recipe.name, seed, network, fitted.n_parameters, round(fitted.loss, 4), dict(fitted.versions))


def contract_of(recipe: Recipe, scored: Sequence[Scored] = ()) -> Contract:
    """What a file of this recipe promises."""
    answers = [result for each in scored if each.protocol == SPEAKER_INDEPENDENT for result in each.results]
    sure = doubt(answers)
    return Contract(
        name=recipe.name,
        labels=tuple(recipe.labels),
        front_end=recipe.front_end,
        window_frames=0 if recipe.is_affectnet else recipe.window_frames,
        stride_frames=recipe.stride_frames,
        licence=recipe.corpus.weights_licence,
        trained_on=(recipe.corpus.name,),
        temperature=sure.temperature if sure else 1.0,
        min_confidence=sure.min_confidence if sure else UNJUSTIFIED_CONFIDENCE,
        scores={name: value for each in scored for name, value in each.scores().items()},
        form=STREAM if recipe.is_affectnet else WINDOWS,
    )


def to_onnx(network: torch.nn.Module, contract: Contract, made: Made | None = None) -> bytes:
    """The network as an ONNX file with its contract, and how it was made, in the metadata: any batch, output `logits`."""
    model = affectnet_to_onnx(network) if isinstance(network, AffectNet) else _of_windows(network, contract)
    metadata = {METADATA_KEY: contract.to_json(), **({MADE_KEY: made.to_json()} if made else {})}
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    assert model.ir_version <= NEWEST_IR_VERSION, f"IR version {model.ir_version}"
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _of_windows(network: torch.nn.Module, contract: Contract) -> onnx.ModelProto:
    names: tuple[str, ...] = network.inputs  # type: ignore[assignment]
    example = tuple(torch.zeros(1, contract.window_frames, contract.front_end.width(name)) for name in names)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # the exporter by tracing is deprecated, and warns of any LSTM; the newer one writes no opset 17
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            example,
            buffer,  # type: ignore[arg-type]  # the exporter by tracing takes a stream
            dynamo=False,
            opset_version=OPSET,
            input_names=list(names),
            output_names=["logits"],
            dynamic_axes={name: {0: "batch"} for name in (*names, "logits")},
        )
    return onnx.load_model_from_string(buffer.getvalue())


def compared(artefact: Artefact, fitted: Fitted[Network] | Fitted[AffectNet], recipe: Recipe) -> tuple[int, float]:
    """How many answers on real recordings were compared with torch's, and the largest difference of a probability."""
    if isinstance(fitted.network, AffectNet):
        frames = extract(some_utterances(recipe), recipe)
        return len(frames), largest_difference_of_streams(StreamModel(artefact), fitted.network, recipe.front_end, frames)
    windows = real_windows(recipe)
    return len(windows), largest_difference(artefact, fitted, recipe, windows)


def some_utterances(recipe: Recipe) -> Sequence[corpora.Utterance]:
    """Evenly spread over the corpus."""
    utterances = corpora.whole(recipe.corpus, corpora.corpora_root())
    return utterances[:: max(1, len(utterances) // N_CHECKED_UTTERANCES)]


def real_windows(recipe: Recipe) -> NDArray[np.float32]:
    """All windows of some utterances: (n, window_frames, n_features)."""
    return windows_of(some_utterances(recipe), recipe)


def windows_of(utterances: Sequence[corpora.Utterance], recipe: Recipe) -> NDArray[np.float32]:
    """All of theirs: (n, window_frames, n_features)."""
    shape = recipe.front_end, recipe.window_frames, recipe.stride_frames
    return np.concatenate([utterance_windows(frames, *shape) for frames in extract(utterances, recipe)])


def largest_difference(artefact: Artefact, fitted: Fitted[Network], recipe: Recipe, windows: NDArray[np.float32]) -> float:
    """Between any probability of the runtime and of torch."""
    with torch.no_grad():
        logits = fitted.network(*as_inputs(windows, fitted.network, recipe))
    wanted = torch.softmax(logits.double(), dim=1).numpy()
    return float(np.abs(EmotionModel(artefact).predict(windows) - wanted).max())


def write_sum(path: Path, sha256: str) -> None:
    """Put the file's line into the SHA256SUMS beside it, in the format of sha256sum."""
    listing = path.parent / SUMS
    lines = listing.read_text().splitlines() if listing.is_file() else []
    others = [line for line in lines if line and line.split(maxsplit=1)[1].lstrip("*") != path.name]
    by_name = sorted([*others, f"{sha256}  {path.name}"], key=lambda line: line[66:])
    listing.write_text("".join(f"{line}\n" for line in by_name))
