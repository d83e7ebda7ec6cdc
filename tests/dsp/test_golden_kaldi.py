"""The front end beside kaldi-native-fbank, on real speech: log-mel and MFCC, with Kaldi's options set like ours.

Kaldi works in float32, as we do. Set alike: no dither, the offset left in, only whole frames, the taper (its "hanning"
is the symmetric one), triangles that are straight in Hz (`is_librosa`; Kaldi's own are straight in mel), no lifter on
the MFCC. What cannot be set: Kaldi emphasises inside each frame, where we emphasise the stream, so the sound is handed
over emphasised but for one test; and Kaldi's least mel power is a floor where ours is added, so linear powers are asked for,
and the MFCC are compared with both floors far below the sound.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dsp.offline import feature_frames
from dsp.params import LOG_MEL, MFCC, FrontEndParams
from tests.dsp.signals import SOUNDS, assert_near, needs_peers, sound

if sys.version_info >= (3, 10):
    import kaldi_native_fbank as knf

pytestmark = needs_peers

TOLERANCE = 1e-3
VARIANTS = {
    "paper 1": FrontEndParams(kinds=(LOG_MEL,)),
    "25 ms every 10 ms, htk 80, Hann": FrontEndParams(
        frame_ms=25.0, hop_ms=10.0, taper="hann", n_mels=80, f_min_hz=80.0, kinds=(LOG_MEL,)
    ),
    "slaney 128 of area 1": FrontEndParams(
        frame_ms=64.0, n_mels=128, mel_scale="slaney", mel_norm="slaney", f_min_hz=0.0, kinds=(LOG_MEL,)
    ),
    "8 kHz, slaney 20": FrontEndParams(sample_rate_hz=8000, n_mels=20, mel_scale="slaney", f_max_hz=4000.0, kinds=(LOG_MEL,)),
}
VARIANTS["no pre-emphasis"] = replace(VARIANTS["paper 1"], pre_emphasis=0.0)


def options_like(params: FrontEndParams, options: Any) -> Any:
    """Kaldi's options for fbank or MFCC, set as ours, without pre-emphasis."""
    frame, mel = options.frame_opts, options.mel_opts
    frame.samp_freq = params.sample_rate_hz
    frame.frame_length_ms, frame.frame_shift_ms = params.frame_ms, params.hop_ms
    frame.window_type = {"hamming": "hamming", "hann": "hanning"}[params.taper]
    frame.dither, frame.preemph_coeff, frame.remove_dc_offset, frame.snip_edges = 0.0, 0.0, False, True
    mel.is_librosa, mel.use_slaney_mel_scale = True, params.mel_scale == "slaney"
    mel.norm = "" if params.mel_norm == "none" else params.mel_norm
    mel.num_bins, mel.low_freq, mel.high_freq = params.n_mels, params.f_min_hz, params.f_max_hz
    options.use_energy = False
    return options


def fbank_options(params: FrontEndParams) -> Any:
    options = options_like(params, knf.FbankOptions())
    options.use_log_fbank, options.use_power = False, True
    return options


def kaldi(extractor: Any, samples: NDArray[Any], params: FrontEndParams) -> NDArray[np.float64]:
    """All frames that Kaldi makes of the samples."""
    extractor.accept_waveform(params.sample_rate_hz, np.asarray(samples, np.float32).tolist())
    extractor.input_finished()
    return np.array([extractor.get_frame(i) for i in range(extractor.num_frames_ready)], np.float64)


def emphasised(samples: NDArray[np.float32], params: FrontEndParams) -> NDArray[np.float64]:
    x = samples.astype(np.float64)
    return x - params.pre_emphasis * np.concatenate([[0.0], x[:-1]])


@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize("params", VARIANTS.values(), ids=VARIANTS.keys())
def test_log_mel(name: str, params: FrontEndParams) -> None:
    """The sound comes to Kaldi emphasised. Relative to the logarithm, and not below 1."""
    power = kaldi(knf.OnlineFbank(fbank_options(params)), emphasised(sound(name), params), params)
    wanted = np.log(power + params.log_floor)
    assert_near(feature_frames(sound(name), params), wanted, TOLERANCE, np.maximum(np.abs(wanted), 1.0))


@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize("n_mfcc", [13, 40])
def test_mfcc(name: str, n_mfcc: int) -> None:
    """Without pre-emphasis. Relative to each coefficient's standard deviation over the sound.

    Kaldi takes the logarithm of at least 1.2e-7: the sound is made loud (a gain only moves the first coefficient), and
    ours is given a floor that adds nothing.
    """
    params = replace(VARIANTS["no pre-emphasis"], n_mfcc=n_mfcc, log_floor=1e-12, kinds=(MFCC, LOG_MEL))
    loud = sound(name) * np.float32(256.0)
    options = options_like(params, knf.MfccOptions())
    options.num_ceps, options.cepstral_lifter = n_mfcc, 0.0
    wanted = kaldi(knf.OnlineMfcc(options), loud, params)
    frames = feature_frames(loud, params)
    assert frames[:, params.columns(LOG_MEL)].min() > np.log(1e-5), "the floors would show"
    assert_near(frames[:, params.columns(MFCC)], wanted, TOLERANCE, wanted.std(axis=0))


@pytest.mark.parametrize("name", SOUNDS)
def test_kaldis_own_pre_emphasis_shows_in_the_first_sample_of_a_frame_alone(name: str) -> None:
    """x[0] - 0.97 x[0] there, x[0] - 0.97 x[-1] here: a Hann taper, 0 at that sample, hides the difference."""
    params = replace(VARIANTS["paper 1"], taper="hann")
    options = fbank_options(params)
    options.frame_opts.preemph_coeff = params.pre_emphasis
    wanted = np.log(kaldi(knf.OnlineFbank(options), sound(name), params) + params.log_floor)
    assert_near(feature_frames(sound(name), params), wanted, TOLERANCE, np.maximum(np.abs(wanted), 1.0))
