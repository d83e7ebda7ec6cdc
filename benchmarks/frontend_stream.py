"""The front end as the service runs it: an hour of sound, the whole live set, each kind alone, a fade into silence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.lines import Goal, Line, compared, side, valued
from benchmarks.rounds import Side, alternate, joined, ratio
from dsp import params as p
from dsp.offline import feature_frames
from dsp.online import OnlineFrontEnd

F32 = NDArray[np.float32]

LIVE_KINDS = (p.SPECTROGRAM, p.LOG_MEL, p.MFCC, p.MFCC_DELTA, p.ZCR, p.RMS, p.CENTROID, p.ROLLOFF, p.FLUX, p.PITCH)
NEEDS = {p.MFCC_DELTA: (p.MFCC,), p.MFCC_DELTA2: (p.MFCC, p.MFCC_DELTA)}
LIVE = p.FrontEndParams(kinds=LIVE_KINDS)
BLOCK_MS = (100, 20)
NO_DRIFT = Goal("<=", 1.05)
OF_REAL_TIME = Goal("<=", 0.5, 0.2)
NO_DENORMALS = Goal("<=", 1.25, 1.1)
NEW_STREAMS = 5
"""Beside the one that has heard an hour."""
FADE_S, SILENCE_S, LOUD = 10, 2, 0.1
FADE_DECADES = 39


def hour(samples: F32, n_minutes: int) -> list[Line]:
    """The live set in a stream that has heard `n_minutes` of the same minute of sound, beside new streams, in turn.

    A core that is now faster, now slower, is so for both; and of the new ones there are some, since where in memory a
    stream lies counts, too.
    """
    minute = blocks_of(np.resize(samples, 60 * LIVE.sample_rate_hz), BLOCK_MS[0])
    old, *new = [_streams(OnlineFrontEnd(LIVE, len(minute[0])), minute) for _ in range(1 + NEW_STREAMS)]
    for _ in range(n_minutes - 1):
        for i in range(len(minute)):
            old(i)
    turns = joined([alternate({"old": old, "new": each}, len(minute)) for each in new])
    question = f"live set, one stream of {n_minutes} minutes, {BLOCK_MS[0]} ms blocks"
    told = compared(side(question, f"minute {n_minutes}", turns["old"]), turns["old"], turns["new"], "times minute 1", NO_DRIFT)
    return [side(question, "minute 1", turns["new"]), told]


def live_set(samples: F32, n_passes: int) -> list[Line]:
    """The live set on the recording, in blocks of either length, as a share of real time: the median pass counts."""
    told = []
    for block_ms in BLOCK_MS:
        percent, ns = _share(LIVE, samples, block_ms, n_passes)
        line = side(f"live set, {len(LIVE.kinds)} kinds, {block_ms} ms blocks", "affectd", ns)
        told.append(valued(line, percent, "% of real time", OF_REAL_TIME, us_a_unit=block_ms * 10.0))
    return told


def by_kind(samples: F32, n_passes: int) -> list[dict[str, str | float]]:
    """What each kind costs alone, a slope with what it is the slope of, and the live set together."""
    told: list[dict[str, str | float]] = []
    alone = [(kind, (*NEEDS.get(kind, ()), kind)) for kind in p.KINDS]
    for name, kinds in [*alone, ("the live set", LIVE_KINDS)]:
        params = replace(LIVE, kinds=kinds)
        percent, ns = _share(params, samples, BLOCK_MS[0], n_passes)
        n_frames = len(feature_frames(samples, params)) * n_passes
        told.append({"kind": name, "us_a_frame": float(ns.sum()) / 1e3 / n_frames, "percent_of_real_time": percent})
    return told


def _share(params: p.FrontEndParams, samples: F32, block_ms: int, n_passes: int) -> tuple[float, NDArray[np.int64]]:
    blocks = blocks_of(samples, block_ms)
    passes = []
    for _ in range(n_passes + 1):
        push = _streams(OnlineFrontEnd(params, len(blocks[0])), blocks)
        passes.append(alternate({"": push}, len(blocks))[""])
    passes = passes[1:]
    pass_ns = len(blocks) * block_ms * 1e6
    return float(np.median([100.0 * one.sum() / pass_ns for one in passes])), np.concatenate(passes)


def fade(n_fades: int) -> list[Line]:
    """Noise that falls from 0.1 to 1e-40, then zeros, beside noise that stays: numbers near zero must not cost more."""
    stays = blocks_of(_noise(), BLOCK_MS[0])
    falls = blocks_of((_noise() * _envelope()).astype(np.float32), BLOCK_MS[0])
    streams = [OnlineFrontEnd(LIVE, len(stays[0])) for _ in range(2)]
    parts = []
    for k in range(n_fades + 2):
        # the two change places, since where its work space lies makes one stream faster than another
        sides = {"loud": _streams(streams[k % 2], stays), "tail": _streams(streams[1 - k % 2], falls)}
        parts.append(alternate(sides, len(stays)))
    # the same block of one fade and the next, side by side
    tail, loud = (np.stack([part[name] for part in parts[2:]], axis=1) for name in ("tail", "loud"))
    question = f"live set, a fade to 1e-40 and zeros, {BLOCK_MS[0]} ms blocks"
    whole = compared(side(question, "fading", tail.ravel()), tail.ravel(), loud.ravel(), "times")
    n_falling = FADE_S * 1000 // BLOCK_MS[0]
    at = int(np.argmax([ratio(*both) for both in zip(tail, loud)]))
    level = f"at {LOUD * 10.0 ** (-FADE_DECADES * at / n_falling):.0e}" if at < n_falling else "zeros"
    dearest = compared(side(question, f"its dearest block, {level}", tail[at]), tail[at], loud[at], "times", NO_DENORMALS)
    return [side(question, "loud all the time", loud.ravel()), whole, dearest]


def _streams(stream: OnlineFrontEnd, blocks: list[F32]) -> Side:
    return lambda i: stream.push(blocks[i])


def _noise() -> F32:
    n = (FADE_S + SILENCE_S) * LIVE.sample_rate_hz
    return np.random.default_rng(0).uniform(-LOUD, LOUD, n).astype(np.float32)


def _envelope() -> NDArray[np.float64]:
    seconds = np.arange((FADE_S + SILENCE_S) * LIVE.sample_rate_hz) / LIVE.sample_rate_hz
    return np.where(seconds < FADE_S, 10.0 ** (-FADE_DECADES * seconds / FADE_S), 0.0)


def blocks_of(samples: F32, block_ms: int) -> list[F32]:
    """Whole blocks of that length; what is left over at the end is dropped."""
    n = LIVE.sample_rate_hz * block_ms // 1000
    return list(samples[: len(samples) // n * n].reshape(-1, n))
