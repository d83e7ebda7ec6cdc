"""`analyze` and `replay` on every kind of recording: a line and a code for what cannot be judged, else the same answer."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest

from daemon.__main__ import main
from daemon.demo.demo import RECORDING
from models import registry
from models.contract import UNCERTAIN
from tests.daemon import recordings
from tests.daemon.recordings import RATE_HZ, Float
from tests.fixtures.stream_model import FILE as STREAM_MODEL

FILE_ERROR = 2


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: list[str]
    err: list[str]

    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out]


Run = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("analyze", FILE)`"""

    def command(*arguments: object) -> Done:
        code = main([str(one) for one in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Done(code, out.splitlines(), err.splitlines())

    return command


@pytest.fixture(scope="module")
def speech() -> Float:
    return recordings.speech()


def with_one(speech: Float, value: float) -> Float:
    samples = speech.copy()
    samples[len(samples) // 2] = value
    return samples


Make = Callable[[Path, Float], object]
REFUSED: dict[str, tuple[str, Make, str]] = {
    "missing": ("a.wav", lambda path, speech: None, "no such file"),
    "empty": ("a.wav", lambda path, speech: path.touch(), "is empty (0 bytes)"),
    "text": ("a.wav", lambda path, speech: path.write_text("speech\n" * 99), "cannot be read as sound"),
    "corrupt flac": (
        "a.flac",
        lambda path, speech: recordings.overwritten(recordings.write(path, speech)),
        "damaged at ",
    ),
    "cut wav": ("a.wav", lambda path, speech: recordings.cut_off(recordings.write(path, speech), 0.6), "ends after 14.9 s"),
    "cut flac": ("a.flac", lambda path, speech: recordings.cut_off(recordings.write(path, speech), 0.6), "damaged at "),
    "no samples": ("a.wav", lambda path, speech: recordings.write(path, speech[:0]), "holds 0 samples"),
    "NaN": (
        "a.wav",
        lambda path, speech: recordings.write(path, with_one(speech, np.nan), subtype="FLOAT"),
        "holds NaN or infinity after 12.0 s",
    ),
    "infinity": (
        "a.wav",
        lambda path, speech: recordings.write(path, with_one(speech, np.inf), subtype="FLOAT"),
        "holds NaN or infinity after 12.0 s",
    ),
}


@pytest.mark.parametrize("command", ["analyze", "replay"])
@pytest.mark.parametrize(("name", "make", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_read_is_one_line_and_a_code(
    run: Run, tmp_path: Path, speech: Float, command: str, name: str, make: Make, says: str
) -> None:
    path = tmp_path / name
    make(path, speech)
    done = run(command, path)
    assert done.code == FILE_ERROR
    assert len(done.err) == 1
    assert done.err[0].startswith(f"affectd: error: {path}: {says}")
    if command == "analyze":
        assert done.out == []


def test_a_folder_is_no_recording_for_replay_and_an_empty_one_for_nobody(run: Run, tmp_path: Path) -> None:
    done = run("replay", tmp_path)
    assert (done.code, done.err) == (FILE_ERROR, [f"affectd: error: {tmp_path}: is a folder, want a recording"])
    done = run("analyze", tmp_path)
    assert done.code == FILE_ERROR
    assert done.err[0].startswith(f"affectd: error: {tmp_path}: no recordings in this folder (.wav, ")


@pytest.fixture
def clean(run: Run) -> dict[str, Any]:
    """The answer for the bundled recording as it is."""
    done = run("analyze", "--json", RECORDING)
    assert (done.code, done.err) == (0, [])
    return done.objects()[0]


def test_an_answer_has_all_that_is_promised(clean: dict[str, Any]) -> None:
    names = ["path", "label", "confidence", "probabilities", "duration_s", "elapsed_ms", "model", "utterances"]
    assert list(clean) == names
    assert clean["path"] == str(RECORDING)
    assert clean["duration_s"] == pytest.approx(len(recordings.speech()) / RATE_HZ, abs=1e-3)
    assert sum(clean["probabilities"].values()) == pytest.approx(1.0, abs=1e-3)
    assert clean["confidence"] == max(clean["probabilities"].values())
    assert len(clean["utterances"]) == 5


SAME: dict[str, Make] = {
    "stereo": lambda path, speech: recordings.write(path, recordings.channels(speech, 2)),
    "6 channels": lambda path, speech: recordings.write(path, recordings.channels(speech, 6)),
    "24 bits": lambda path, speech: recordings.write(path, speech, subtype="PCM_24"),
    "float": lambda path, speech: recordings.write(path, speech, subtype="FLOAT"),
    "of unknown length": recordings.streamed_wav,
}


@pytest.mark.parametrize("make", SAME.values(), ids=SAME.keys())
def test_another_form_of_the_same_samples_has_the_same_answer(
    run: Run, tmp_path: Path, speech: Float, clean: dict[str, Any], make: Make
) -> None:
    path = tmp_path / "a.wav"
    make(path, speech)
    done = run("analyze", "--json", path)
    assert (done.code, done.err) == (0, [])
    (answer,) = done.objects()
    assert answer["label"] == clean["label"]
    assert answer["probabilities"] == pytest.approx(clean["probabilities"], abs=0.01)
    assert len(answer["utterances"]) == len(clean["utterances"])


@pytest.mark.parametrize("rate_hz", [24000, 44100, 48000])
def test_another_rate_has_nearly_the_same_answer(
    run: Run, tmp_path: Path, speech: Float, clean: dict[str, Any], rate_hz: int
) -> None:
    path = recordings.write(tmp_path / "a.wav", recordings.resampled(speech, rate_hz), rate_hz)
    done = run("analyze", "--json", path)
    assert (done.code, done.err) == (0, [])
    (answer,) = done.objects()
    assert abs(len(answer["utterances"]) - len(clean["utterances"])) <= 1
    assert answer["probabilities"] == pytest.approx(clean["probabilities"], abs=0.1)
    assert answer["duration_s"] == pytest.approx(clean["duration_s"], abs=1e-3)


POORER: dict[str, tuple[Make, list[str]]] = {
    "8 kHz": (
        lambda path, speech: recordings.write(path, recordings.resampled(speech, 8000), 8000),
        ["at 8000 Hz: nothing above 4000 Hz is in it, the model was trained on 16000 Hz; be slow to believe the label"],
    ),
    "8 bits": (lambda path, speech: recordings.write(path, speech, subtype="PCM_U8"), []),
    "beyond full scale": (
        lambda path, speech: recordings.write(path, speech * 4, subtype="FLOAT"),
        ["samples stood beyond full scale and were held there"],
    ),
}


@pytest.mark.parametrize(("make", "says"), POORER.values(), ids=POORER.keys())
def test_a_poorer_recording_still_has_its_utterances(
    run: Run, tmp_path: Path, speech: Float, make: Make, says: list[str]
) -> None:
    path = tmp_path / "a.wav"
    make(path, speech)
    done = run("analyze", "--json", path)
    assert done.code == 0
    assert 4 <= len(done.objects()[0]["utterances"]) <= 6
    replayed = run("replay", path)
    assert replayed.code == 0
    assert 4 <= sum(one["schema"] == "affectd/utterance/1" for one in replayed.objects()) <= 6
    assert [line.split(" ", 3)[3] for line in done.err] == says
    assert [line.split(" ", 3)[3] for line in replayed.err[:-1]] == says


def with_pauses(samples: Float) -> Float:
    return np.where(np.arange(len(samples)) // RATE_HZ % 2, 0.0, samples).astype(np.float32)


# a model that hears functionals does not take a square wave for speech to begin with
CLIPPED: dict[str, tuple[str, Callable[[], Float]]] = {
    "square wave with pauses": ("cl-emodb", lambda: with_pauses(recordings.square_wave(10.0))),
    "speech": ("cl-emodb", recordings.shouted),
    "speech to the default model": (registry.DEFAULT, recordings.shouted),
}


@pytest.mark.parametrize(("model", "make"), CLIPPED.values(), ids=CLIPPED.keys())
def test_what_is_clipped_is_never_judged(run: Run, tmp_path: Path, model: str, make: Callable[[], Float]) -> None:
    path = recordings.write(tmp_path / "a.wav", make())
    done = run("analyze", "--model", model, path)
    assert (done.code, done.out) == (FILE_ERROR, [])
    assert len(done.err) == 1
    assert done.err[0].startswith(f"affectd: error: {path}: ")
    assert done.err[0].endswith("of the speech is at full scale: record it again at a lower level")
    replayed = run("replay", "--model", model, path).objects()
    utterances = [one for one in replayed if one["schema"] == "affectd/utterance/1"]
    assert {one["label"] for one in utterances} == {UNCERTAIN}
    assert all(one["clipped_share"] > 0.1 for one in utterances)


def test_ten_minutes_of_silence_say_nothing(run: Run, tmp_path: Path) -> None:
    path = recordings.write(tmp_path / "a.flac", np.zeros(600 * RATE_HZ, np.float32))
    done = run("analyze", path)
    says = f"affectd: error: {path}: nobody speaks in its 600.0 s: nothing to judge"
    assert (done.code, done.out, done.err) == (FILE_ERROR, [], [says])
    done = run("replay", path)
    assert (done.code, done.out, done.err) == (0, [], ["affectd: 0 utterances in 600.0 s"])


def test_white_noise_is_no_speech(run: Run, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0.0, 0.2, 10 * RATE_HZ).clip(-1.0, 1.0).astype(np.float32)
    done = run("replay", recordings.write(tmp_path / "a.wav", noise))
    assert done.code == 0
    assert done.err == ["affectd: 0 utterances in 10.0 s"]


def test_a_tune_is_no_speech_to_a_model_that_can_tell(run: Run, tmp_path: Path) -> None:
    path = recordings.write(tmp_path / "a.wav", recordings.tune(6.0))
    done = run("replay", path, "--model", STREAM_MODEL)
    assert (done.code, done.out, done.err) == (0, [], ["affectd: 0 utterances in 6.0 s"])
    done = run("analyze", path, "--model", STREAM_MODEL)
    says = f"affectd: error: {path}: nobody speaks in its 6.0 s: nothing to judge"
    assert (done.code, done.out, done.err) == (FILE_ERROR, [], [says])


def test_one_bad_file_in_a_folder_leaves_the_others_their_answer(run: Run, tmp_path: Path, speech: Float) -> None:
    folder = tmp_path / "trip"
    folder.mkdir()
    for name in ("c.wav", "a.flac", "d.wav"):
        recordings.write(folder / name, speech)
    (folder / "b.wav").write_text("no sound")
    (folder / "notes.txt").write_text("not looked at")
    empty = tmp_path / "empty"
    empty.mkdir()
    done = run("analyze", "--json", empty, folder, tmp_path / "missing.wav", RECORDING)
    assert done.code == FILE_ERROR
    assert [one["path"] for one in done.objects()] == [
        *(str(folder / name) for name in ("a.flac", "c.wav", "d.wav")),
        str(RECORDING),
    ]
    assert [line.split(": ")[2] for line in done.err] == [str(empty), str(folder / "b.wav"), str(tmp_path / "missing.wav")]


def test_a_name_that_is_not_utf8_is_read_and_told(run: Run, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.flac")
    path.write_bytes(RECORDING.read_bytes())
    (answer,) = run("analyze", "--json", path).objects()
    assert answer["path"] == str(path)
    assert answer["utterances"]
    assert run("analyze", path).out[0].startswith(str(tmp_path / "caf\\udce9.flac: "))


def test_without_json_an_answer_is_a_line_for_people(run: Run) -> None:
    done = run("analyze", RECORDING, RECORDING)
    assert done.code == 0
    assert len(done.out) == 2
    assert all(line.startswith(f"{RECORDING}: ") and "24.8 s" in line for line in done.out)


def test_a_recording_teaches_the_model_where_it_is_asked_to(run: Run) -> None:
    """`replay` is the service; `analyze` judges each utterance by itself, unless told that one person speaks."""
    replayed = [body for body in run("replay", RECORDING, "--model", STREAM_MODEL).objects() if "windows" in body]
    cold, *_ = run("analyze", "--json", RECORDING, "--model", STREAM_MODEL).objects()
    adapted, *_ = run("analyze", "--json", RECORDING, "--model", STREAM_MODEL, "--adapt").objects()
    confidences = [body["confidence"] for body in replayed]
    assert [one["confidence"] for one in adapted["utterances"]] == confidences
    assert cold["utterances"][0]["confidence"] == confidences[0]
    assert all(one["confidence"] != other for one, other in zip(cold["utterances"][1:], confidences[1:]))
    assert cold["probabilities"] != adapted["probabilities"]
