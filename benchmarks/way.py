"""The way of the sound as a picture: the bundled recording, what the gate heard as speech, and what the model said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks.drawing import pyplot
from daemon import analysis, assembly
from daemon.demo.demo import RECORDING
from daemon.settings import Settings
from dsp.framing import float32_from_int16
from dsp.offline import feature_frames
from dsp.params import SPECTROGRAM
from models import registry

# Okabe and Ito's colours, which the colour-blind can tell apart, and one more
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#999999", "#000000")


def measure(_short: bool, plot: Path | None) -> dict[str, Any]:
    """One analysis of the bundled recording; draws it if asked to."""
    model = assembly.open_model(registry.DEFAULT)
    result = analysis.analyze(RECORDING, Settings(), model)
    if plot is not None:
        _draw(plot, analysis.utterance_bodies(RECORDING, Settings(), model), model)
    return {
        "model": model.contract.name,
        "sha256": model.sha256,
        "utterances": len(result.utterances),
        "elapsed_ms": result.elapsed_ms,
        "duration_s": result.duration_s,
    }


def _draw(path: Path, bodies: list[Any], model: Any) -> None:
    plt = pyplot()
    from matplotlib.patches import Patch

    contract = model.contract
    samples, _ = soundfile.read(RECORDING, dtype="int16")
    # drawn alike for every model, whatever it hears of it
    spectrum = replace(contract.front_end, kinds=(SPECTROGRAM,), n_bands=128)
    image = feature_frames(float32_from_int16(samples), spectrum).T * (10.0 / np.log(10.0))
    seconds = len(samples) / contract.front_end.sample_rate_hz
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(11, 5.6), sharex=True, height_ratios=(3, 2), layout="constrained")
    top.imshow(
        image,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=image.max() - 75,
        extent=(0, seconds, 0, contract.front_end.sample_rate_hz / 2e3),
    )
    top.set_ylabel("frequency, kHz")
    top.set_title("What the microphone hears, and the speech that the gate finds in it", loc="left", fontsize=11)
    bottom.set_title(f"One event for each: the probabilities that {contract.name} gives", loc="left", fontsize=11)
    for body in bodies:
        start, end = body["speech"]["start_s"], body["speech"]["end_s"]
        top.axvspan(start, end, fill=False, edgecolor="white", linewidth=1.6)
        top.text(start + 0.08, 7.4, body["label"], color="white", fontsize=10, va="top")
        floor = 0.0
        for label, colour in zip(contract.labels, COLOURS):
            height = body["probabilities"][label]
            bottom.bar((start + end) / 2, height, end - start, bottom=floor, color=colour)
            floor += height
    handles = [Patch(color=colour) for _, colour in zip(contract.labels, COLOURS)]
    bottom.legend(
        handles, contract.labels, loc="upper center", bbox_to_anchor=(0.5, -0.28), ncols=len(contract.labels), frameon=False
    )
    bottom.set_ylabel("probability")
    bottom.set_xlabel("seconds")
    bottom.set_ylim(0, 1)
    figure.savefig(path, dpi=110)
