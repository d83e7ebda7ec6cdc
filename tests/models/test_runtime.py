"""The runtime answers what the contract promises, and refuses a file that promises something else than it holds.

The wrong files are the shipped one with some bytes of its contract replaced by as many others.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from dsp import framing
from dsp.offline import feature_frames
from dsp.window import utterance_windows
from models import registry
from models.contract import METADATA_KEY
from models.errors import ContractMismatch, HashMismatch, ModelError, UnknownModel
from models.runtime import EmotionModel

RECORDING = Path(__file__).parents[2] / "daemon" / "demo" / "cabin.flac"
NAME = "cl-emodb"
"""A model of windows."""


@pytest.fixture(scope="module")
def content() -> bytes:
    return registry.load(NAME).content


@pytest.fixture(scope="module")
def model() -> EmotionModel:
    return EmotionModel.open(NAME)


@pytest.fixture(scope="module")
def windows(model: EmotionModel) -> NDArray[np.float32]:
    """Of the bundled recording: (n, window_frames, n_features)."""
    contract = model.contract
    pcm = np.asarray(soundfile.read(RECORDING, dtype="int16")[0], np.int16)
    frames = feature_frames(framing.float32_from_int16(pcm), contract.front_end)
    return utterance_windows(frames, contract.front_end, contract.window_frames, contract.stride_frames)


def replaced(content: bytes, old: str, new: str) -> bytes:
    """The file with some text of its contract exchanged; blanks fill up what is shorter."""
    assert content.count(old.encode()) == 1
    assert len(new) <= len(old)
    return content.replace(old.encode(), new.ljust(len(old)).encode())


def opened(tmp_path: Path, content: bytes) -> EmotionModel:
    path = tmp_path / "variant.onnx"
    path.write_bytes(content)
    return EmotionModel.open(str(path))


def test_the_model_is_what_its_file_says(model: EmotionModel) -> None:
    assert model.identity == {"name": model.contract.name, "sha256": registry.load(NAME).sha256}
    assert model.contract.name == NAME


def test_rows_are_probabilities(model: EmotionModel, windows: NDArray[np.float32]) -> None:
    answers = model.predict(windows)
    assert answers.shape == (len(windows), len(model.contract.labels))
    assert answers.dtype == np.float64
    assert ((answers >= 0.0) & (answers <= 1.0)).all()
    np.testing.assert_allclose(answers.sum(axis=1), 1.0, atol=1e-12)
    assert len(set(answers.argmax(axis=1))) > 1


@pytest.mark.parametrize("extreme", [0.0, -1e4, 1e4, 1e30])
def test_rows_are_probabilities_whatever_is_heard(model: EmotionModel, extreme: float) -> None:
    answers = model.predict(np.full((1, *model.contract.window_shape), extreme, np.float32))
    assert answers.sum() == pytest.approx(1.0)


def test_a_batch_answers_as_each_window_alone(model: EmotionModel, windows: NDArray[np.float32]) -> None:
    batch = model.predict(windows)
    singles = np.concatenate([model.predict(windows[n : n + 1]) for n in range(len(windows))])
    # float32 sums in another order
    np.testing.assert_allclose(batch, singles, atol=2e-5)


def test_the_same_window_has_the_same_answer_to_the_last_bit(model: EmotionModel, windows: NDArray[np.float32]) -> None:
    again = EmotionModel.open(NAME)
    assert model.predict(windows[:1]).tobytes() == model.predict(windows[:1]).tobytes()
    assert model.predict(windows[:1]).tobytes() == again.predict(windows[:1]).tobytes()


def test_windows_that_do_not_lie_together_are_the_same_windows(model: EmotionModel, windows: NDArray[np.float32]) -> None:
    apart = np.asfortranarray(windows[:3])
    np.testing.assert_array_equal(model.predict(apart), model.predict(windows[:3]))


def test_nothing_is_reshaped_or_converted_to_fit(model: EmotionModel) -> None:
    n_frames, n_features = model.contract.window_shape
    for shape in (
        (n_frames, n_features),
        (1, n_frames - 1, n_features),
        (1, n_frames, n_features + 1),
        (1, n_features, n_frames),
        (1, 1, n_frames, n_features),
        (),
    ):
        with pytest.raises(ContractMismatch, match=rf"wants windows \({n_frames}, {n_features}\) float32, got "):
            model.predict(np.zeros(shape, np.float32))
    with pytest.raises(ContractMismatch, match="float64"):
        model.predict(np.zeros((1, n_frames, n_features)))  # type: ignore[arg-type]


def test_the_temperature_softens(tmp_path: Path, content: bytes, model: EmotionModel, windows: NDArray[np.float32]) -> None:
    soft = opened(tmp_path, replaced(content, '"temperature": 1.0', '"temperature": 4.0'))
    sharp_log, soft_log = (np.log(each.predict(windows)) for each in (model, soft))
    np.testing.assert_allclose(
        soft_log - soft_log[:, :1], (sharp_log - sharp_log[:, :1]) * model.contract.temperature / 4.0, atol=1e-6
    )


def last_label_dropped(content: bytes, model: EmotionModel) -> bytes:
    last = model.contract.labels[-1]
    return replaced(content, f', "{last}"]', "]")


WRONG = {
    "version": ('"version": 1', '"version": 9', r"has a contract of version 9, this affectd reads 1: export the model again"),
    "label": ('"labels": ["anger"', '"labels": ["angry"', r"has the labels angry, .*: want at least two different ones"),
    "window": (
        '"window_frames": 128',
        '"window_frames": 129',
        r"wants the input '\w+' \[128, \d+\], its contract promises \[129, \d+\]",
    ),
    "stride": ('"stride_frames": 32', '"stride_frames": 0', r"a stride of 0 frames: want at least 1"),
    "features": ('"n_mfcc": 13', '"n_mfcc": 12', r"wants the input 'mfcc' \[128, 13\], its contract promises \[128, 12\]"),
    "kind": (
        '"spectrogram", "mfcc"]',
        '"spectrogram"]',
        r"wants the input 'mfcc' \[128, 13\], its contract promises spectrogram:",
    ),
    "unknown kind": ('"spectrogram", "mfcc"]', '"spectrogram", "mfcx"]', r"contract cannot be read .*mfcx"),
    "half a sample": ('"hop_ms": 16.0', '"hop_ms": 0.01', r"contract cannot be read .*0\.16 samples"),
    "no JSON": ('"front_end": {', '"front_end": [', r"contract cannot be read"),
    "missing field": ('"licence"', '"license"', r"its contract lacks 'licence'"),
    "missing contract": (METADATA_KEY, "another.contract", r"has no 'affectd\.contract' in its metadata: export it"),
    "temperature": ('"temperature": 1.0', '"temperature": 0.0', r"has the temperature 0\.0: want a value above zero"),
}


@pytest.mark.parametrize(("old", "new", "says"), WRONG.values(), ids=WRONG.keys())
def test_a_file_that_breaks_its_contract_is_refused(tmp_path: Path, content: bytes, old: str, new: str, says: str) -> None:
    with pytest.raises(ContractMismatch, match=says) as refused:
        opened(tmp_path, replaced(content, old, new))
    assert "\n" not in str(refused.value)
    assert "variant.onnx" in str(refused.value) or f"'{NAME}'" in str(refused.value)


def test_a_file_with_fewer_labels_than_answers_is_refused(tmp_path: Path, content: bytes, model: EmotionModel) -> None:
    n_labels = len(model.contract.labels)
    says = rf"answers \({n_labels},\) values a window, its contract names {n_labels - 1} labels: export it again"
    with pytest.raises(ContractMismatch, match=says):
        opened(tmp_path, last_label_dropped(content, model))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, content: bytes, share: float) -> None:
    with pytest.raises(ModelError, match=r"variant\.onnx is not a model that ONNX Runtime can load: .+") as refused:
        opened(tmp_path, content[: int(len(content) * share)])
    assert "\n" not in str(refused.value)


def test_a_file_that_is_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not a model that ONNX Runtime can load"):
        opened(tmp_path, RECORDING.read_bytes())


def test_a_shipped_file_with_one_bit_changed_is_refused(tmp_path: Path, content: bytes) -> None:
    """What no contract can tell: the sum does."""
    damaged = bytearray(content)
    damaged[len(content) // 2] ^= 1
    (tmp_path / f"{NAME}.onnx").write_bytes(damaged)
    (tmp_path / registry.SUMS).write_text((registry.ARTEFACTS / registry.SUMS).read_text())
    with pytest.raises(HashMismatch):
        EmotionModel.open(str(tmp_path / f"{NAME}.onnx"))


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UnknownModel, match=f"did you mean '{NAME}'"):
        EmotionModel.open(NAME + "2")


def test_onnx_runtime_tells_nobody(tmp_path: Path) -> None:
    """With its telemetry on, it writes an identity of the device and what it has to say below the home folder."""
    silent = ("ORT_", "XDG_", "CI")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(silent)}
    home = tmp_path / "home"
    home.mkdir()
    answer = subprocess.run(
        [sys.executable, "-c", f"from models.runtime import EmotionModel; EmotionModel.open({NAME!r})"],
        env={**environment, "HOME": str(home), "NUMBA_CACHE_DIR": str(tmp_path / "numba")},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert list(home.rglob("*")) == []
