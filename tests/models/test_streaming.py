"""A model that is fed an utterance in pieces answers for all of it so far, whatever the pieces, and refuses a wrong file.

The wrong files are the small one with some of its bytes replaced by as many others.
"""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsp import framing
from dsp.errors import ShapeError
from dsp.offline import feature_frames
from dsp.running_functionals import utterance_functionals
from dsp.window import tile
from models import registry
from models.adaptation import Heard
from models.contract import STEP_FRAMES
from models.errors import ContractMismatch
from models.runtime import EmotionModel, open_model
from models.session import open_file
from models.streaming import HEARD, StreamModel
from tests.fixtures.stream_model import FILE

RECORDING = Path(__file__).parents[2] / "daemon" / "demo" / "cabin.flac"
N_SAMPLES = 64000
N_FRAMES = 249
CLOSE = 1e-5
"""float32 sums in another order."""

Frames = NDArray[np.float32]


@lru_cache(maxsize=None)
def model() -> StreamModel:
    return StreamModel(registry.load(str(FILE)))


@lru_cache(maxsize=None)
def speech() -> Frames:
    """The first sentence of the bundled recording, and a little silence around it."""
    pcm, rate_hz = soundfile.read(RECORDING, stop=N_SAMPLES, dtype="int16")
    front_end = model().contract.front_end
    assert rate_hz == front_end.sample_rate_hz
    frames = feature_frames(framing.float32_from_int16(np.asarray(pcm, np.int16)), front_end)
    assert len(frames) == N_FRAMES
    return frames


def in_pieces(frames: Frames, cuts: list[int]) -> list[Frames]:
    """Of these lengths, which come round again; the last one as long as is left."""
    pieces: list[Frames] = []
    at = 0
    while at < len(frames):
        pieces.append(frames[at : at + cuts[len(pieces) % len(cuts)]])
        at += len(pieces[-1])
    return pieces


def whole(frames: Frames, heard: Heard | None = None) -> NDArray[np.float64]:
    """(n_labels,) of an utterance in one piece."""
    return np.asarray(model().answer([model().begin(heard).push(frames)])[0])


def known() -> Heard:
    """Of somebody who said something else."""
    other = speech()[60:180] + np.float32(0.5)
    front_end = model().contract.front_end
    mean = other[:, front_end.columns("log_mel")].mean(axis=0)
    return Heard(mean, len(other), utterance_functionals(other, front_end), 3)


def by_hand(log_mel: Frames, functionals: Frames, heard: Heard | None = None) -> NDArray[np.float64]:
    """What ONNX Runtime says of one utterance that begins with a state of zeros."""
    session = open_file(registry.load(str(FILE))).session
    sizes = {"batch": 1, "frames": len(log_mel)}
    feed = {put.name: np.zeros([sizes.get(n, n) for n in put.shape], np.float32) for put in session.get_inputs()}
    feed.update(log_mel=log_mel[np.newaxis], functionals=functionals[np.newaxis])
    if heard is not None:
        values = ([heard.log_mel], [[heard.n_frames]], [heard.functionals], [[heard.n_utterances]])
        feed.update({name: np.asarray(value, np.float32) for name, value in zip(HEARD, values)})
    powers = np.exp(session.run(["logits"], feed)[0][0].astype(np.float64))
    return np.asarray(powers / powers.sum())


def log_mel_of(frames: Frames) -> Frames:
    return np.ascontiguousarray(frames[:, model().contract.front_end.columns("log_mel")])


def test_the_form_decides_what_opens_a_file() -> None:
    assert isinstance(open_model(str(FILE)), StreamModel)
    assert isinstance(open_model("cl-emodb"), EmotionModel)
    with pytest.raises(ContractMismatch, match=r"small_affectnet\.onnx is one of the form 'stream', wanted is 'windows'"):
        EmotionModel.open(str(FILE))
    with pytest.raises(ContractMismatch, match=r"cl-emodb\.onnx is one of the form 'windows', wanted is 'stream'"):
        StreamModel(registry.load("cl-emodb"))


def test_the_model_is_what_its_file_says() -> None:
    assert model().identity == {"name": "small-affectnet", "sha256": registry.load(str(FILE)).sha256}


@settings(max_examples=60, deadline=None)
@given(n_frames=st.integers(1, N_FRAMES), cuts=st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_any_cut_gives_the_answer_of_one_piece(n_frames: int, cuts: list[int]) -> None:
    utterance, n_heard = model().begin(), 0
    for piece in in_pieces(speech()[:n_frames], cuts):
        (answer,) = model().answer([utterance.push(piece)])
        n_heard += len(piece)
        assert answer.sum() == pytest.approx(1.0)
    assert n_heard == n_frames
    np.testing.assert_allclose(answer, whole(speech()[:n_frames]), rtol=0, atol=CLOSE)


@pytest.mark.parametrize("cuts", [[8], [32], [1], [3], [5, 0, 2]])
def test_every_answer_is_of_all_so_far(cuts: list[int]) -> None:
    frames = speech()[40:110]
    utterance, n_heard, answers = model().begin(), 0, []
    for piece in in_pieces(frames, cuts):
        answers.append(model().answer([utterance.push(piece)])[0])
        n_heard += len(piece)
        np.testing.assert_allclose(answers[-1], whole(frames[:n_heard]), rtol=0, atol=CLOSE)
    assert np.ptp(answers, axis=0).max() > 0.1, "what is heard must change the answer, or nothing was compared"


@pytest.mark.parametrize("n_frames", [4, 7, 64, 65, 66, 67])
@pytest.mark.parametrize("is_known", [False, True])
def test_the_log_mel_is_of_whole_steps_and_the_functionals_of_all(n_frames: int, is_known: bool) -> None:
    heard = known() if is_known else None
    frames = speech()[40 : 40 + n_frames]
    steps = log_mel_of(frames[: n_frames - n_frames % STEP_FRAMES])
    wanted = by_hand(steps, utterance_functionals(frames, model().contract.front_end), heard)
    np.testing.assert_allclose(whole(frames, heard), wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("n_frames", [1, 2, 3])
def test_less_than_a_step_is_repeated_to_fill_one(n_frames: int) -> None:
    frames = speech()[60 : 60 + n_frames]
    wanted = by_hand(tile(log_mel_of(frames), STEP_FRAMES), utterance_functionals(frames, model().contract.front_end))
    np.testing.assert_allclose(whole(frames), wanted, rtol=0, atol=1e-12)


def test_what_is_known_of_the_speaker_counts_and_is_the_caller_s_no_more() -> None:
    heard = known()
    utterance = model().begin(heard)
    wanted = whole(speech(), known())
    heard.log_mel[:] = 99.0
    heard.functionals[:] = 99.0
    np.testing.assert_array_equal(model().answer([utterance.push(speech())])[0], wanted)
    assert np.abs(wanted - whole(speech())).max() > 0.01


def test_nothing_known_is_zero_of_everything() -> None:
    nothing = replace(known(), n_frames=0, n_utterances=0)
    np.testing.assert_array_equal(whole(speech(), nothing), whole(speech()))


def test_several_utterances_at_once_are_each_as_alone() -> None:
    """To the last bit: who else speaks changes nothing."""
    said = [speech()[:90], speech()[60:150], speech()[20:131]]
    utterances = [model().begin() for _ in said]
    rounds = zip(*(in_pieces(frames, [30]) for frames in said))
    for pieces in rounds:
        together = model().answer([utterance.push(piece) for utterance, piece in zip(utterances, pieces)])
    for frames, answer in zip(said, together):
        alone = model().begin()
        for piece in in_pieces(frames[:90], [30]):
            wanted = model().answer([alone.push(piece)])[0]
        np.testing.assert_array_equal(answer, wanted)


def test_pieces_may_wait_for_their_answers() -> None:
    """As in a block that brings several, or ends an utterance and begins another."""
    cuts = in_pieces(speech(), [3, 1, 7, 30])
    utterance, other = model().begin(), model().begin()
    at_once = model().answer([utterance.push(piece) for piece in cuts] + [other.push(speech())])
    utterance = model().begin()
    one_by_one = [model().answer([utterance.push(piece)])[0] for piece in cuts]
    np.testing.assert_array_equal(at_once[:-1], one_by_one)
    np.testing.assert_array_equal(at_once[-1], whole(speech()))


def test_the_same_sound_has_the_same_answer_to_the_last_bit() -> None:
    again = StreamModel(registry.load(str(FILE)))
    assert whole(speech()).tobytes() == again.answer([again.begin().push(speech())])[0].tobytes()


def test_the_summary_is_what_was_heard() -> None:
    utterance = model().begin()
    for piece in in_pieces(speech()[:111], [8]):
        utterance.push(piece)
    summary = utterance.summary()
    assert (summary.n_frames, summary.n_utterances) == (111, 1)
    np.testing.assert_allclose(summary.log_mel, log_mel_of(speech()[:111]).mean(axis=0, dtype=np.float64), rtol=1e-6)
    np.testing.assert_array_equal(summary.functionals, utterance_functionals(speech()[:111], model().contract.front_end))
    assert whole(speech(), summary).shape == (len(model().contract.labels),)


def test_an_utterance_does_not_grow() -> None:
    utterance = model().begin()

    def hear(n_times: int) -> None:
        for _ in range(n_times):
            model().answer([utterance.push(speech()[:13])])

    hear(50)
    tracemalloc.start()
    hear(1000)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 20_000, "a thousand pieces have 830 kB of log-mel"


def test_frames_of_another_kind_are_refused() -> None:
    n_features = model().contract.front_end.n_features
    utterance = model().begin()
    with pytest.raises(ShapeError, match=rf"want \(k, {n_features}\) float32, got \(8, {n_features - 1}\)"):
        utterance.push(speech()[:8, 1:])
    with pytest.raises(ShapeError, match="float64"):
        utterance.push(speech()[:8].astype(np.float64))
    for ask in (lambda: utterance.push(speech()[:0]), utterance.summary):
        with pytest.raises(ShapeError, match="at least one frame"):
            ask()
    np.testing.assert_array_equal(model().answer([utterance.push(speech())])[0], whole(speech()))


def test_what_another_front_end_heard_is_refused() -> None:
    with pytest.raises(ContractMismatch, match=r"wants to know of a speaker \(\(64,\), \(\d+,\)\), got \(\(63,\), "):
        model().begin(replace(known(), log_mel=known().log_mel[1:]))


def replaced(old: str, new: str) -> bytes:
    """The small file with some text exchanged, wherever it stands; blanks fill up what is shorter."""
    content = registry.load(str(FILE)).content
    assert old.encode() in content
    assert len(new) <= len(old)
    return content.replace(old.encode(), new.ljust(len(old)).encode())


def opened(folder: Path, content: bytes) -> StreamModel:
    (folder / "variant.onnx").write_bytes(content)
    opened = open_model(str(folder / "variant.onnx"))
    assert isinstance(opened, StreamModel)
    return opened


def test_the_temperature_softens(tmp_path: Path) -> None:
    soft = opened(tmp_path, replaced('"temperature": 1.0', '"temperature": 4.0'))
    logs = [np.log(each.answer([each.begin().push(speech())])[0]) for each in (model(), soft)]
    np.testing.assert_allclose(logs[1] - logs[1][0], (logs[0] - logs[0][0]) / 4.0, atol=1e-6)


WRONG = {
    "fewer labels": (', "sadness"]', "]", r"its output 'logits' is \(None, 4\), its contract promises \(1, 3\)"),
    "other mel bands": ('"n_mels": 64', '"n_mels": 32', r"input 'log_mel' is \(None, None, 64\), .*promises \(1, None, 32\)"),
    "other functionals": ('"n_mfcc": 2', '"n_mfcc": 3', r"its input 'functionals' is \(None, \d+\), .* promises \(1, \d+\)"),
    "no functionals": ('"flux", "pitch"]', '"flux"]', r"this front end lacks pitch: export it again"),
    "no whole steps": ('"stride_frames": 8', '"stride_frames": 6', "a stride of 6 frames: a stream wants"),
    "windows": ('"window_frames": 0', '"window_frames": 9', "a window of 9 and a stride of 8 frames: a stream wants no window"),
    "another form": ('"form": "stream"', '"form": "steam"', "has the form 'steam': want windows or stream"),
    "another input": ("heard_frames", "heard_hmmmms", r"its input 'heard_frames' is not there, its contract promises \(1, 1\)"),
    "one input more": ("state_weight", "stato_weight", r"its input 'stato_weight' is \(None, 1\), its contract promises none"),
    "a state that is lost": ("next_weight", "nexd_weight", r"its output 'next_weight' is not there, .* promises \(1, 1\)"),
}


@pytest.mark.parametrize(("old", "new", "says"), WRONG.values(), ids=WRONG.keys())
def test_a_file_that_breaks_its_contract_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(ContractMismatch, match=says) as refused:
        opened(tmp_path, replaced(old, new))
    assert "\n" not in str(refused.value)
    assert "variant.onnx" in str(refused.value)
