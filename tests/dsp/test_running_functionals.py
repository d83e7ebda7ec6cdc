"""Functionals of a stream beside a plain NumPy version, and what they promise of cuts, gains, hours and compilers."""

from __future__ import annotations

import gc
import hashlib
import subprocess
import sys
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.errors import ParamError, ShapeError
from dsp.frontend import warm_up
from dsp.kernels import moments
from dsp.offline import feature_frames
from dsp.params import INTENSITY, LOG_MEL, MFCC, PITCH, ROLLOFF, ZCR, FrontEndParams
from dsp.running_functionals import RunningFunctionals, n_functionals, names, utterance_functionals
from tests.dsp.plain_functionals import F32, PARAMS, SMALL, WIDE, invented, plain, plain_contours, plain_skewness
from tests.dsp.signals import RATE_HZ, SOUNDS, acted, heard, needs_emodb, sound, speechlike

AT = {name: k for k, name in enumerate(names(PARAMS))}


def assert_as_plain(frames: F32, params: FrontEndParams) -> None:
    got, wanted = dict(zip(names(params), utterance_functionals(frames, params))), plain(frames, params)
    assert set(got) == set(wanted)
    off = {name: abs(got[name] - wanted[name]) / (1e-5 * (abs(wanted[name]) + 1.0)) for name in got}
    worst = max(off, key=lambda name: off[name])
    assert off[worst] <= 1.0, f"{worst} is {got[worst]}, want {wanted[worst]}"


@pytest.mark.parametrize("params", [PARAMS, SMALL, WIDE], ids=["64 bands", "16 bands", "80 bands"])
@pytest.mark.parametrize("n_frames", [1, 2, 3, 4, 11, 300])
def test_against_plain_numpy(params: FrontEndParams, n_frames: int) -> None:
    for seed, voiced_share in enumerate((0.0, 0.3, 0.6, 0.9, 1.0)):
        assert_as_plain(invented(params, n_frames, seed, voiced_share=voiced_share), params)


@pytest.mark.parametrize("name", SOUNDS)
def test_against_plain_numpy_on_sound(name: str) -> None:
    assert_as_plain(feature_frames(sound(name), PARAMS), PARAMS)


def test_there_are_320_with_readable_names() -> None:
    assert n_functionals(PARAMS) == len(set(AT)) == len(names(PARAMS)) == 320
    assert n_functionals(SMALL) == 26 * 7 - 2 + 14
    assert {"mfcc_3.slope", "band_15.skewness", "pitch.mean", "timing.log_duration", "mfcc_0.voiced_mean"} <= set(AT)
    assert not {"mfcc_0.mean", "intensity_db.mean"} & set(AT)


def test_a_column_is_what_its_name_says() -> None:
    frames = np.zeros((51, PARAMS.n_features), np.float32)
    time_s = np.arange(51) * 0.016
    pitch = PARAMS.columns(PITCH).start
    frames[:, PARAMS.columns(MFCC).start + 3] = 5.0 + 2.0 * time_s
    frames[:, PARAMS.columns(INTENSITY).start] = np.where(np.arange(51) % 2, -20.0, -40.0)
    frames[10:40, pitch] = 100.0 * 2.0 ** (time_s[10:40])
    values = utterance_functionals(frames, PARAMS)

    def of(name: str) -> float:
        return float(values[AT[name]])

    assert of("mfcc_3.slope") == pytest.approx(2.0, rel=1e-5)
    assert of("mfcc_3.mean") == pytest.approx(5.8, rel=1e-5)
    assert of("mfcc_3.skewness") == pytest.approx(0.0, abs=1e-5)
    assert of("intensity_db.mean_abs_change") == 20.0
    assert of("intensity_db.voiced_deviation") == 10.0
    # -30 dB where voiced, one frame more at -40 than at -20 dB in all
    assert of("intensity_db.voiced_mean") == pytest.approx(10.0 / 51.0, rel=1e-5)
    assert of("mfcc_4.deviation") == of("mfcc_4.skewness") == of("band_2.mean") == 0.0
    # a glide of an octave a second
    assert of("pitch.slope") == of("pitch.mean_change") == pytest.approx(12.0, rel=1e-4)
    assert of("pitch.rises") == 1.0
    assert of("timing.voiced_stretch_mean") == pytest.approx(0.48)
    assert of("timing.voiced_stretch_deviation") == 0.0
    assert of("timing.unvoiced_stretch_longest") == pytest.approx(0.176)


def test_a_slip_of_an_octave_is_no_change_of_pitch() -> None:
    frames = invented(PARAMS, 40, seed=1)
    pitch = PARAMS.columns(PITCH).start
    frames[:, pitch] = np.where(np.arange(40) < 20, 120.0, 240.0)
    values = utterance_functionals(frames, PARAMS)
    assert values[AT["pitch.mean_abs_change"]] == values[AT["pitch.mean_change"]] == values[AT["pitch.rises"]] == 0.0
    assert values[AT["pitch.deviation"]] == pytest.approx(6.0, rel=1e-5)
    frames[1, pitch] = 121.0
    assert utterance_functionals(frames, PARAMS)[AT["pitch.rises"]] == np.float32(1 / 38)


@pytest.mark.parametrize("n_voiced", [0, 2])
def test_with_too_few_voiced_frames_there_is_no_pitch_and_voiced_is_all(n_voiced: int) -> None:
    frames = invented(PARAMS, 50, seed=2, voiced_share=0.0)
    frames[10 : 10 + n_voiced, PARAMS.columns(PITCH).start] = 200.0
    got = dict(zip(names(PARAMS), utterance_functionals(frames, PARAMS)))
    assert all(got[name] == 0.0 for name in got if name.startswith("pitch."))
    assert got["timing.voiced_share"] == np.float32(n_voiced / 50)
    assert got["mfcc_0.voiced_mean"] == got["intensity_db.voiced_mean"] == 0.0
    assert got["mfcc_5.voiced_mean"] == got["mfcc_5.mean"]
    assert got["flux.voiced_deviation"] == got["flux.deviation"]


def assert_level_free(samples: list[F32]) -> None:
    # far above the floors of the logarithms: those do tell the level
    params = replace(PARAMS, log_floor=1e-20)
    loud, soft = (
        np.stack([utterance_functionals(feature_frames(one * np.float32(gain), params), params) for one in samples])
        for gain in (64.0, 16.0)
    )
    off = np.abs(soft - loud).max(axis=0) / np.maximum(loud.std(axis=0), 1e-6)
    worst = int(off.argmax())
    assert off[worst] < 1e-3, f"{names(params)[worst]}: {loud[:, worst]} and {soft[:, worst]}"


def test_a_gain_changes_nothing() -> None:
    assert_level_free([speechlike(RATE_HZ + 8000 * k, seed=k) for k in range(6)])


@needs_emodb
def test_a_gain_changes_nothing_on_speech() -> None:
    assert_level_free([heard(utterance) for utterance in acted(2)])


@settings(max_examples=60)
@given(
    cuts=st.lists(st.integers(0, 30), min_size=1, max_size=8).filter(any),
    n_frames=st.integers(1, 90),
    seed=st.integers(0, 2**32 - 1),
    voiced_share=st.sampled_from([0.0, 0.05, 0.6, 1.0]),
)
def test_any_cut_gives_the_same_bits(cuts: list[int], n_frames: int, seed: int, voiced_share: float) -> None:
    frames = invented(SMALL, n_frames, seed, offset=-7.0, voiced_share=voiced_share)
    running = RunningFunctionals(SMALL)
    at = turn = 0
    while at < n_frames:
        block = frames[at : at + cuts[turn % len(cuts)]]
        running.push(block)
        at, turn = at + len(block), turn + 1
        if at and turn % 3 == 0:
            # to be asked changes nothing, and what is told is of the frames so far
            np.testing.assert_array_equal(running.values(), utterance_functionals(frames[:at], SMALL))
        assert running.n_frames == at
    np.testing.assert_array_equal(running.values(), utterance_functionals(frames, SMALL))


def test_an_utterance_begins_with_nothing_of_the_last() -> None:
    running = RunningFunctionals(SMALL)
    running.push(invented(SMALL, 70, seed=1, offset=50.0))
    running.begin()
    assert running.n_frames == 0
    frames = invented(SMALL, 30, seed=2)
    running.push(frames)
    first = running.values()
    kept = first.copy()
    running.push(frames)
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(first, utterance_functionals(frames, SMALL))


@pytest.mark.parametrize("outlier", [0.0, -1e4], ids=["", "after an outlier"])
def test_a_million_frames_far_from_zero_lose_no_digits(outlier: float) -> None:
    block = invented(SMALL, 10_000, seed=4, offset=3000.0)
    running = RunningFunctionals(SMALL)
    block[0, SMALL.columns(MFCC)] += np.float32(outlier)
    for _ in range(100):
        running.push(block)
    assert running.n_frames == 1_000_000
    got = dict(zip(names(SMALL), running.values()))
    # what repeats has the moments of one round; its slope is the time within the rounds over that of all frames
    for contour, values in plain_contours(block, SMALL).items():
        centred = values - values.mean()
        time = np.arange(len(block)) - 0.5 * (len(block) - 1)
        slope = 100 * (time @ centred) / (1e6 * (1e12 - 1) / 12) / 0.016
        seam = abs(values[0] - values[-1])
        assert got[f"{contour}.deviation"] == pytest.approx(values.std(), rel=1e-6)
        assert got[f"{contour}.skewness"] == pytest.approx(plain_skewness(values, 1e-4), rel=1e-6, abs=1e-6)
        assert got[f"{contour}.slope"] == pytest.approx(slope, rel=1e-6)
        change = (100 * np.abs(np.diff(values)).sum() + 99 * seam) / 999_999
        assert got[f"{contour}.mean_abs_change"] == pytest.approx(change, rel=1e-6)
    assert got["timing.voiced_share"] == np.float32((block[:, SMALL.columns(PITCH).start] > 0.0).mean())


def test_frames_that_do_not_fit_are_refused_and_nothing_is_taken() -> None:
    running = RunningFunctionals(SMALL)
    with pytest.raises(ShapeError, match="at least one frame"):
        running.values()
    with pytest.raises(ShapeError, match="at least one frame"):
        utterance_functionals(np.zeros((0, SMALL.n_features), np.float32), SMALL)
    frames = invented(SMALL, 12, seed=5)
    running.push(frames)
    before = running.values()
    bad = invented(SMALL, 6, seed=6)
    for wrong in (np.nan, np.inf, -np.inf):
        bad[4, 7] = wrong
        with pytest.raises(ShapeError, match=f"got {wrong} in frame 4, column 7"):
            running.push(bad)
    with pytest.raises(ShapeError, match=rf"want \(k, {SMALL.n_features}\) float32, got \(12, {SMALL.n_features - 1}\)"):
        running.push(frames[:, 1:])
    with pytest.raises(ShapeError, match="float64"):
        running.push(frames.astype(np.float64))
    assert running.n_frames == 12
    np.testing.assert_array_equal(running.values(), before)


@pytest.mark.parametrize(
    ("params", "says"),
    [
        (replace(PARAMS, kinds=(LOG_MEL, MFCC, INTENSITY, ROLLOFF, ZCR)), "lacks centroid_hz, flux, pitch"),
        (FrontEndParams(), "lacks log_mel, intensity_db"),
        (replace(PARAMS, n_mels=40), "n_mels is 40: functionals want a multiple of 16"),
    ],
)
def test_a_front_end_that_does_not_fit_is_refused(params: FrontEndParams, says: str) -> None:
    for refused in (RunningFunctionals, names, n_functionals):
        with pytest.raises(ParamError, match=says):
            refused(params)


@pytest.mark.parametrize("extreme", [-1e30, -1e4, 0.0, 100.0])
def test_whatever_is_finite_gives_finite_values(extreme: float) -> None:
    frames = np.zeros((9, SMALL.n_features), np.float32)
    log_mel = SMALL.columns(LOG_MEL)
    frames[:, log_mel] = 60.0
    frames[::2, log_mel.start + 5 : log_mel.stop] = extreme
    assert np.isfinite(utterance_functionals(frames, SMALL)).all()


def test_after_warm_up_nothing_is_compiled() -> None:
    kernels = (moments.take, moments.read_off)
    warm_up(PARAMS)
    before = [list(kernel.signatures) for kernel in kernels]
    assert all(before)
    frames = invented(PARAMS, 20, seed=7)
    frozen = frames.copy()
    frozen.flags.writeable = False
    wanted = utterance_functionals(frames, PARAMS)
    for same in (frozen, np.asfortranarray(frames), np.repeat(frames, 2, axis=0)[::2], frames[None][0]):
        np.testing.assert_array_equal(utterance_functionals(same, PARAMS), wanted)
    assert [list(kernel.signatures) for kernel in kernels] == before


def test_a_front_end_without_the_kinds_does_not_pay_for_them() -> None:
    script = (
        "from dsp.frontend import warm_up; from dsp.kernels import moments; from dsp.params import RMS, FrontEndParams\n"
        "warm_up(FrontEndParams(kinds=(RMS,)))\n"
        "print(moments.take.signatures, moments.read_off.signatures)"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout == "[] []\n"


def test_a_push_keeps_nothing_and_allocates_no_array() -> None:
    running = RunningFunctionals(PARAMS)
    frames = invented(PARAMS, 2, seed=8)
    for _ in range(2000):  # after a thousand calls, Python 3.8 gives a function a cache
        running.push(frames)
    running.values()
    gc.collect()
    tracemalloc.start()
    try:
        for _ in range(100):
            running.push(frames)
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(1000):
            running.push(frames)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 256
    # a row of contours in float64 is 352 bytes, a frame 460
    assert peak - before < 1000


def test_the_bits_are_those_of_every_compiler() -> None:
    """The hash was the same under Numba 0.58 and 0.68, Python 3.8 and 3.11."""
    n = np.arange(300)
    frames = ((n[:, None] * 37 + np.arange(PARAMS.n_features) * 101) % 509 / 64.0 - 4.0).astype(np.float32)
    frames[:, PARAMS.columns(PITCH).start] = np.where(n % 11 < 7, 90.0 + n % 40, 0.0)
    digest = hashlib.sha256(utterance_functionals(frames, PARAMS).tobytes()).hexdigest()
    assert digest.startswith("e9d22c7ba6e772e2")
