"""Every row's network, exported, judges a recording through `affectd analyze` as it does in torch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from daemon.__main__ import main
from daemon.demo.demo import RECORDING
from dsp.framing import float32_from_int16
from dsp.offline import feature_frames
from dsp.window import utterance_windows
from models.lab import fit, recipe
from models.lab.export import contract_of, to_onnx
from models.registry import Artefact
from models.runtime import EmotionModel

LOADED = [recipe.load(name) for name in reversed(recipe.names())]
ONE_EACH = sorted({each.network: each.name for each in LOADED if each.has_windows}.values())
"""One recipe of each network."""


@pytest.mark.parametrize("name", ONE_EACH)
def test_the_file_answers_as_torch_does(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = recipe.load(name)
    torch.manual_seed(0)
    network = fit.build(row).eval()
    samples, _ = soundfile.read(RECORDING, dtype="int16", frames=8 * 16000)
    windows = utterance_windows(
        feature_frames(float32_from_int16(samples), row.front_end), row.front_end, row.window_frames, row.stride_frames
    )
    with torch.no_grad():
        wanted = torch.softmax(network(*fit.as_inputs(windows, network, row)).double(), dim=1).numpy()
    path = tmp_path / f"{name}.onnx"
    path.write_bytes(to_onnx(network, contract_of(row)))
    model = EmotionModel(Artefact(name, path, "", path.read_bytes()))
    np.testing.assert_allclose(model.predict(windows), wanted, atol=1e-4)

    assert main(["analyze", "--json", "--model", str(path), str(RECORDING)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["model"] == name
    assert set(said["probabilities"]) == set(row.labels)
    assert sum(said["probabilities"].values()) == pytest.approx(1.0, abs=0.01)
