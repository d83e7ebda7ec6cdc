"""What nobody says, made up, and the numbers that tell it from speech."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dsp.framing import float32_from_int16
from dsp.offline import feature_frames
from models import speech
from models.lab import recipe, speech_or_not
from models.lab.cabin_noise import KINDS
from models.lab.car_sounds import SAMPLE_RATE_HZ
from models.lab.corpora import EMODB, corpora_root, find, read_pcm
from models.lab.errors import LabError
from models.lab.noise import FOLDER, recorded
from models.lab.not_speech import MADE
from models.lab.speech_or_not import CUES, FAMILIES, PIECE_FRAMES, Pieces
from models.speech import SpeechTest, SpeechWatch

FRONT_END = recipe.load(speech_or_not.RECIPE).front_end
N_SAMPLES = 2 * SAMPLE_RATE_HZ


def rng(seed: int = 7) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("name", MADE)
def test_what_is_made_up_is_sound_and_the_same_each_time(name: str) -> None:
    once, again, other = (MADE[name](N_SAMPLES, rng(seed)) for seed in (7, 7, 8))
    assert once.shape == (N_SAMPLES,)
    assert once.dtype == np.float32
    assert np.isfinite(once).all()
    assert np.abs(once).max() > 0.0
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once, other)


def strongest_hz(samples: np.ndarray) -> float:
    return float(np.fft.rfftfreq(len(samples), 1.0 / SAMPLE_RATE_HZ)[np.abs(np.fft.rfft(samples)).argmax()])


@pytest.mark.parametrize("seed", range(5))
def test_notes_lie_where_they_are_said_to(seed: int) -> None:
    assert 300.0 <= strongest_hz(MADE["beeps"](N_SAMPLES, rng(seed))) <= 2000.0 * 1.01
    assert 300.0 <= strongest_hz(MADE["siren"](N_SAMPLES, rng(seed))) <= 3300.0


def test_noise_falls_as_its_colour_says() -> None:
    for name, falls_db in (("white", 0.0), ("pink", 3.0), ("brown", 6.0)):
        power = np.square(np.abs(np.fft.rfft(MADE[name](16 * N_SAMPLES, rng()))))
        f_hz = np.fft.rfftfreq(16 * N_SAMPLES, 1.0 / SAMPLE_RATE_HZ)
        octaves_db = [10 * np.log10(power[(f_hz >= low) & (f_hz < 2 * low)].mean()) for low in (500, 1000, 2000)]
        np.testing.assert_allclose(np.diff(octaves_db), -falls_db, atol=0.5)


def made_up_pieces(n: int = 400) -> Pieces:
    """Speech around zero in each cue, three kinds of noise on either side of it, that is farther out."""
    draw = rng(1)
    cues = draw.standard_normal((2 * n, len(CUES)))
    is_speech = np.arange(2 * n) < n
    cues[~is_speech] += 6.0 * draw.choice([-1.0, 1.0], (n, 1))
    kind = np.where(is_speech, draw.choice(["EMO-DB-03", "EMO-DB-08"], 2 * n), draw.choice(["rain", "white", "music"], 2 * n))
    return Pieces(cues, is_speech, is_speech, kind, np.arange(2 * n) // 2)


def test_what_lies_on_both_sides_of_speech_is_told_from_it() -> None:
    pieces = made_up_pieces()
    numbers = speech_or_not.fit(pieces, FRONT_END)
    found = speech.logits(pieces.cues, numbers) >= numbers.threshold
    assert (found == pieces.is_speech).mean() > 0.98
    assert all(cue.square < 0.0 for cue in numbers.cues)
    assert speech_or_not.fit(pieces, FRONT_END) == numbers
    shares = speech_or_not.taken_for_speech(pieces, speech.logits(pieces.cues, numbers))
    assert set(shares) == {"speech", "rain", "white", "music"}
    assert shares["speech"] > 0.98 > 0.05 > shares["rain"]


def test_speech_and_noise_weigh_the_same_and_so_do_kinds() -> None:
    pieces = made_up_pieces()
    weight = speech_or_not.weights(pieces)
    assert weight[pieces.is_speech].sum() == pytest.approx(weight[~pieces.is_speech].sum())
    of_each = [weight[pieces.kind == kind].sum() for kind in ("rain", "white", "music")]
    assert of_each == pytest.approx([of_each[0]] * 3)


def test_of_speech_alone_nothing_can_be_found() -> None:
    pieces = made_up_pieces()
    with pytest.raises(LabError, match="only one of speech and noise"):
        speech_or_not.fit(pieces.those(pieces.is_speech), FRONT_END)


def test_nothing_is_scored_by_numbers_that_know_its_family(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = replace(made_up_pieces(), kind=made_up_pieces().kind.copy())
    pieces.kind[pieces.kind == "rain"] = "melody"
    known: list[set[str]] = []
    fit = speech_or_not.fit

    def noted(some: Pieces, front_end: object) -> object:
        known.append(set(some.kind))
        return fit(some, FRONT_END)

    scored: list[np.ndarray] = []

    def noted_too(cues: np.ndarray, _: object) -> np.ndarray:
        scored.append(cues)
        return np.zeros(len(cues))

    monkeypatch.setattr(speech_or_not, "fit", noted)
    monkeypatch.setattr(speech_or_not, "logits", noted_too)
    speech_or_not.unheard(pieces, FRONT_END)
    family = {"melody": "tunes", "music": "tunes"}
    for kinds, cues in zip(known, scored):
        there = {family.get(kind, kind) for row in cues for kind in pieces.kind[(pieces.cues == row).all(axis=1)]}
        assert there.isdisjoint({family.get(kind, kind) for kind in kinds})
    assert sum(len(cues) for cues in scored) == len(pieces.cues)


def test_families_are_of_kinds_that_there_are() -> None:
    made = {*MADE, speech_or_not.DRIVE, *(f"car/{kind}" for kind in KINDS)}
    named = [kind for kinds in FAMILIES.values() for kind in kinds]
    assert len(named) == len(set(named))
    assert {kind for kind in named if not kind.startswith(FOLDER)} <= made


@pytest.mark.parametrize("name", ["affectnet", "affectnet-free"])
def test_what_ships_is_for_the_models_that_ship(name: str) -> None:
    numbers = speech.shipped(recipe.load(name).front_end)
    assert numbers is not None
    assert numbers.piece_frames == PIECE_FRAMES
    assert tuple(cue.functionals for cue in numbers.cues) == CUES
    unheard = numbers.provenance["unheard_taken_for_speech"]
    assert min(unheard["speech"], unheard["speech in a cabin"]) > 0.98


def is_speech(samples: np.ndarray) -> bool:
    watch = SpeechWatch(SpeechTest(speech.read(), FRONT_END))
    watch.push(feature_frames(samples, FRONT_END))
    return watch.finish()


def test_made_up_noise_is_no_speech() -> None:
    """Not what was trained on: of other seeds."""
    told = [is_speech(np.float32(0.05) * made(N_SAMPLES, rng(seed))) for made in MADE.values() for seed in range(3)]
    assert np.mean(told) < 0.1


@pytest.fixture
def root() -> Path:
    if not (corpora_root() / EMODB.folder).is_dir():
        pytest.skip("EMO-DB is not at hand: AFFECTD_CORPORA names no folder that holds it")
    return corpora_root()


def test_what_people_say_is_speech(root: Path) -> None:
    said = find(EMODB, root)[::25]
    assert all(is_speech(float32_from_int16(read_pcm(each.path, SAMPLE_RATE_HZ))) for each in said)


def test_recorded_noise_is_none(root: Path) -> None:
    """The first seconds of each but those that are voices; rain, tap and train were not trained on."""
    for name, pcm in recorded(root, SAMPLE_RATE_HZ).items():
        if name not in ("crowd_cheering", "dude_miaowing", "typing", "thunder"):
            assert not is_speech(float32_from_int16(pcm[:N_SAMPLES])), name
