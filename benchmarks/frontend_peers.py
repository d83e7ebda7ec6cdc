"""The front end beside what else one could use: librosa, a bare scipy.fft.rfft, and kaldi-native-fbank."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.lines import Goal, Line, compared, side
from benchmarks.rounds import Rounds, Side, alternate, joined
from dsp.offline import feature_frames
from dsp.online import OnlineFrontEnd
from dsp.params import LOG_MEL, MFCC, FrontEndParams

F32 = NDArray[np.float32]

LONG_PARAMS = FrontEndParams(frame_ms=25.0, hop_ms=10.0, n_mels=80, n_mfcc=13, pre_emphasis=0.0, kinds=(LOG_MEL, MFCC))
SERVICE_PARAMS = FrontEndParams(n_mels=40, n_mfcc=40, pre_emphasis=0.0, kinds=(LOG_MEL, MFCC))
FASTER_THAN_LIBROSA = Goal(">=", 3.0, 5.0)
OVER_THE_FLOOR = Goal("<=", 2.0, 1.4)
FASTER_THAN_KALDI = Goal(">=", 5.0, 8.0)
STREAM_S, BLOCK_MS = 30, 100
OURS, LIBROSA, FLOOR = "affectd", "librosa", "scipy.fft.rfft alone"


def whole(params: FrontEndParams, samples: F32, n_rounds: int) -> tuple[list[Line], dict[str, float]]:
    """Log-mel and MFCC of a recording in one call; the lines, and how far librosa's numbers are from ours."""
    theirs = _librosa(params, samples)
    ours = _ours(params, samples)
    beside: dict[str, Side] = {
        OURS: ours,
        LIBROSA: lambda _: theirs(None),
        "librosa, mel bank kept": _with_bank(theirs, params),
    }
    difference = np.abs(theirs(None) - feature_frames(samples, params))
    question = f"log-mel + MFCC of {len(samples) / params.sample_rate_hz:g} s, {_named(params)}"
    lines = _beside(question, _in_turn(beside, n_rounds), {LIBROSA: FASTER_THAN_LIBROSA})
    # in turn with ours alone: whoever comes after librosa finds the caches cold
    times = _in_turn({OURS: ours, FLOOR: _rfft(params, samples)}, n_rounds)
    question = f"the same beside the bare FFT of its frames, {params.frame_ms:g}/{params.hop_ms:g} ms"
    lines.append(side(question, OURS, times[OURS]))
    floor = side(question, FLOOR, times[FLOOR], ours=False)
    lines.append(compared(floor, times[OURS], times[FLOOR], "x its time", OVER_THE_FLOOR))
    return lines, {f"librosa's largest difference from ours, {_named(params)}": float(difference.max())}


def _ours(params: FrontEndParams, samples: F32) -> Side:
    return lambda _: feature_frames(samples, params)


def _in_turn(sides: dict[str, Side], n_rounds: int) -> Rounds:
    alternate(sides, 4)
    return alternate(sides, n_rounds)


def _beside(question: str, times: Rounds, goals: dict[str, Goal]) -> list[Line]:
    """Ours first, and how many times longer each of the others takes."""
    ours = times[OURS]
    told = [side(question, OURS, ours)]
    for name, ns in times.items():
        if name != OURS:
            told.append(compared(side(question, name, ns, ours=False), ns, ours, "x our time", goals.get(name)))
    return told


def streamed(samples: F32, n_streams: int) -> tuple[list[Line], dict[str, float]]:
    """Log-mel of a stream in blocks; the lines, and how far kaldi-native-fbank's numbers are from ours in the median."""
    params = replace(LONG_PARAMS, pre_emphasis=FrontEndParams().pre_emphasis, kinds=(LOG_MEL,))
    n = params.sample_rate_hz * BLOCK_MS // 1000
    blocks = list(np.resize(samples, STREAM_S * params.sample_rate_hz).reshape(-1, n))
    times = joined([_one_stream(params, blocks) for _ in range(n_streams + 1)][1:])
    faster = min((name for name in times if name != OURS), key=lambda name: float(np.median(times[name])))
    question = f"log-mel streamed, {BLOCK_MS} ms blocks, {_named(params)}"
    lines = _beside(question, times, {faster: FASTER_THAN_KALDI})
    own = feature_frames(np.concatenate(blocks), params)
    kaldi = Kaldi(params)
    theirs = np.stack([frame for block in blocks for frame in kaldi.push(block)])
    return lines, {"kaldi-native-fbank's median difference from ours": float(np.median(np.abs(own - theirs)))}


class Kaldi:
    """kaldi-native-fbank's stream, set to the same frames, mels and log as ours."""

    def __init__(self, params: FrontEndParams) -> None:
        import kaldi_native_fbank

        options = kaldi_native_fbank.FbankOptions()
        frames, mels = options.frame_opts, options.mel_opts
        frames.samp_freq, frames.frame_length_ms, frames.frame_shift_ms = params.sample_rate_hz, params.frame_ms, params.hop_ms
        frames.dither, frames.remove_dc_offset, frames.window_type = 0.0, False, params.taper
        frames.preemph_coeff = params.pre_emphasis
        mels.num_bins, mels.low_freq, mels.high_freq = params.n_mels, params.f_min_hz, params.f_max_hz
        self._fbank = kaldi_native_fbank.OnlineFbank(options)
        self._rate_hz = params.sample_rate_hz
        self._n_read = 0

    def push(self, block: F32 | list[float]) -> list[F32]:
        """The frames that the block completes, every one read."""
        self._fbank.accept_waveform(self._rate_hz, block)
        first, self._n_read = self._n_read, self._fbank.num_frames_ready
        return [self._fbank.get_frame(k) for k in range(first, self._n_read)]


def _one_stream(params: FrontEndParams, blocks: list[F32]) -> Rounds:
    lists = [block.tolist() for block in blocks]  # outside the timing, in favour of the other side
    ours, by_array, by_list = OnlineFrontEnd(params, len(blocks[0])), Kaldi(params), Kaldi(params)
    return alternate(
        {
            OURS: lambda i: ours.push(blocks[i]),
            "kaldi-native-fbank, fed lists": lambda i: by_list.push(lists[i]),
            "kaldi-native-fbank, fed arrays": lambda i: by_array.push(blocks[i]),
        },
        len(blocks),
    )


def _librosa(params: FrontEndParams, samples: F32) -> Callable[[Any], F32]:
    """What a user of librosa would write; with a mel bank or None, which makes it anew as melspectrogram does."""
    import librosa

    # librosa puts a frame shorter than the FFT in its middle: so much before the signal, and the frames are ours
    padded = np.pad(samples, (params.n_fft - params.frame_samples) // 2)
    taper, log_floor = np.hamming(params.frame_samples), np.float32(params.log_floor)
    framing: dict[str, Any] = {"n_fft": params.n_fft, "hop_length": params.hop_samples, "win_length": params.frame_samples}
    mels: dict[str, Any] = {
        "n_mels": params.n_mels,
        "fmin": params.f_min_hz,
        "fmax": params.f_max_hz,
        "htk": True,
        "norm": None,
    }

    def frames(bank: Any) -> F32:
        if bank is None:
            power = librosa.feature.melspectrogram(
                y=padded, sr=params.sample_rate_hz, window=taper, center=False, **framing, **mels
            )
        else:
            power = bank @ np.abs(librosa.stft(padded, window=taper, center=False, **framing)) ** 2
        log_mel = np.log(power + log_floor)
        return np.concatenate([log_mel, librosa.feature.mfcc(S=log_mel, n_mfcc=params.n_mfcc)]).T

    return frames


def _with_bank(librosa_side: Callable[[Any], F32], params: FrontEndParams) -> Side:
    from dsp.mel import mel_bank

    bank = mel_bank(params)
    return lambda _: librosa_side(bank)


def _rfft(params: FrontEndParams, samples: F32) -> Side:
    """The floor: the transform alone, of frames already cut, tapered and laid out one after the other."""
    from scipy import fft

    cut = np.lib.stride_tricks.sliding_window_view(samples, params.frame_samples)[:: params.hop_samples]
    frames = np.zeros((len(cut), params.n_fft), np.float32)
    frames[:, : params.frame_samples] = cut * np.hamming(params.frame_samples)
    return lambda _: fft.rfft(frames, axis=1, workers=1)


def _named(params: FrontEndParams) -> str:
    told = asdict(params)
    mfcc = f", {told['n_mfcc']} MFCC" if MFCC in params.kinds else ""
    return f"{told['frame_ms']:g}/{told['hop_ms']:g} ms {told['taper']}, {told['n_mels']} HTK mels{mfcc}"
