"""Functionals of an utterance that is still being said: a few hundred statistics of contours, in memory that does not grow.

The contours, `n_mfcc` + 24 of them:

- mfcc_0 and so on: the MFCC. mfcc_0 is a level;
- band_0 to band_15: the mean of each of 16 equal groups of log-mel bands, less the mean of all bands of the frame;
- centroid_khz, rolloff_khz, flux, intensity_db (a level), and voicing, the strength of the voicing: as the front end has them;
- spread: the deviation of the bands' places, 0 for the lowest to 1 for the highest, weighed with their energy, exp(log_mel);
- tilt: the slope of the least-squares line of log_mel over these places;
- high_to_mid: the log of the energy in the bands from 55 % of n_mels on, less that of the bands from 15 % to there.

Of each contour: mean; deviation (divided by n, not n - 1); slope of the least-squares line, per second; mean_abs_change from a
frame to the next; skewness, the mean cube of the distance from the mean over the cube of the deviation, which counts as 1e-4 of
the contour's unit where it is less; voiced_mean and voiced_deviation, those of the frames that have a pitch, or of all where
fewer than 3 have one. No column tells how loud the sound was recorded: a level has no mean, and its voiced_mean is less the
mean of all frames.

pitch, of the voiced frames, in semitones above 100 Hz: mean, deviation, slope and skewness as above, but its least deviation is
1e-3 semitones. Of the changes between neighbours that are both voiced, without those of 6 semitones and more, which are slips
to another octave: mean_abs_change; rises, the share of those that go up, 0.5 where there is none; and mean_change, per second.
All are 0 where fewer than 3 frames are voiced.

timing, where a frame lasts a hop, and a stretch is of neighbours alike in voicing, the last one as long as it has lasted so
far: log_duration, of seconds; voiced_share of the frames; voiced_stretches per second; and in seconds, 0 where there is none,
voiced_stretch_mean, voiced_stretch_deviation, unvoiced_stretch_mean, unvoiced_stretch_longest.
"""

from __future__ import annotations

import copy

import numpy as np
from numpy.typing import NDArray

from dsp.errors import ParamError, ShapeError
from dsp.functionals import require_finite_frames
from dsp.kernels import contours, moments
from dsp.params import CENTROID, FLUX, INTENSITY, LOG_MEL, MFCC, PITCH, ROLLOFF, FrontEndParams

KINDS_WANTED = (LOG_MEL, MFCC, INTENSITY, CENTROID, ROLLOFF, FLUX, PITCH)
"""What a frame must hold; other kinds are passed over."""
LEVELS = ("mfcc_0", "intensity_db")
"""Contours that a gain moves as a whole."""


class RunningFunctionals:
    """The functionals of all frames since `begin`. For one thread at a time.

    One update a frame, so that the bits do not depend on how the stream is cut.
    """

    def __init__(self, params: FrontEndParams) -> None:
        """Raises ParamError when frames of these parameters lack a kind, or their mel bands make no 16 equal groups."""
        n_contours, whole = len(_contours(params)), _all_names(params)
        self.params = params
        self.n_frames = 0
        """Frames since `begin`."""
        self._layout = _layout(params)
        self._now = np.zeros(n_contours)
        self._sums = np.zeros((moments.N_SUMS, n_contours))
        self._so_far = np.zeros(1, moments.SO_FAR)
        self._values = np.zeros(len(whole))
        self._kept = np.array([whole.index(name) for name in names(params)])
        self._level_means, self._level_voiced_means = (
            np.array([whole.index(f"{level}.{statistic}") for level in LEVELS]) for statistic in ("mean", "voiced_mean")
        )

    def begin(self) -> None:
        """Forget everything: an utterance begins."""
        self.n_frames = 0
        self._sums[:] = 0.0
        self._so_far[:] = 0

    def another(self) -> RunningFunctionals:
        """One for the same frames, that has heard nothing; what is known of the frames is not made anew."""
        new = copy.copy(self)
        new._now, new._values = self._now.copy(), self._values.copy()
        new._sums, new._so_far = self._sums.copy(), self._so_far.copy()
        new.begin()
        return new

    def push(self, frames: NDArray[np.float32]) -> None:
        """Take (k, n_features) float32, 0 <= k. Raises ShapeError, also for a value that is not finite: then none is taken."""
        if frames.ndim != 2 or frames.shape[1] != self.params.n_features or frames.dtype != np.float32:
            raise ShapeError(f"want (k, {self.params.n_features}) float32, got {frames.shape} {frames.dtype}")
        if not frames.flags.carray:
            # the kernel is compiled for arrays that lie in one piece and can be written to
            frames = frames.copy()
        if moments.take(frames, self._layout, self._now, self._sums, self._so_far):
            require_finite_frames(frames)
        self.n_frames += len(frames)

    def values(self) -> NDArray[np.float32]:
        """(n_functionals,) float32, as `names` has them; an array of its own. Raises ShapeError before the first frame."""
        if not self.n_frames:
            raise ShapeError("want at least one frame, got none")
        moments.read_off(self._sums, self._so_far, self._layout, self._values)
        self._values[self._level_voiced_means] -= self._values[self._level_means]
        values: NDArray[np.float32] = self._values[self._kept].astype(np.float32)
        return values


def utterance_functionals(frames: NDArray[np.float32], params: FrontEndParams) -> NDArray[np.float32]:
    """(n_frames, n_features) float32 -> (n_functionals,) float32, the bits of `RunningFunctionals`.

    Raises ParamError and ShapeError as that does.
    """
    functionals = RunningFunctionals(params)
    functionals.push(frames)
    return functionals.values()


def names(params: FrontEndParams) -> tuple[str, ...]:
    """A name for each functional, such as mfcc_3.slope or pitch.mean. Raises ParamError as `RunningFunctionals` does."""
    without = {f"{level}.mean" for level in LEVELS}
    return tuple(name for name in _all_names(params) if name not in without)


def n_functionals(params: FrontEndParams) -> int:
    """How many there are. Raises ParamError as `RunningFunctionals` does."""
    return len(names(params))


def has_functionals(params: FrontEndParams) -> bool:
    """Whether frames of these parameters hold all that is wanted."""
    return set(KINDS_WANTED) <= set(params.kinds) and params.n_mels % contours.N_BANDS == 0


def warm_up(params: FrontEndParams) -> None:
    """Compile the kernels, or load them from disk, so that no frame waits for a compiler. Raises ParamError."""
    utterance_functionals(np.zeros((1, params.n_features), np.float32), params)


def _contours(params: FrontEndParams) -> tuple[str, ...]:
    lacking = [kind for kind in KINDS_WANTED if kind not in params.kinds]
    if lacking:
        raise ParamError(f"functionals are made of {', '.join(KINDS_WANTED)}: this front end lacks {', '.join(lacking)}")
    if params.n_mels % contours.N_BANDS:
        raise ParamError(f"n_mels is {params.n_mels}: functionals want a multiple of {contours.N_BANDS}")
    mfcc = (f"mfcc_{k}" for k in range(params.n_mfcc))
    bands = (f"band_{k}" for k in range(contours.N_BANDS))
    return (*mfcc, *bands, *contours.SCALARS)


def _all_names(params: FrontEndParams) -> list[str]:
    """Of everything that the kernel gives, means of levels too."""
    return [
        *(f"{contour}.{statistic}" for statistic in moments.STATISTICS for contour in _contours(params)),
        *(f"pitch.{statistic}" for statistic in moments.PITCH_STATISTICS),
        *(f"timing.{statistic}" for statistic in moments.TIMING_STATISTICS),
    ]


def _layout(params: FrontEndParams) -> NDArray[np.void]:
    layout = np.zeros(1, contours.LAYOUT)
    for kind in KINDS_WANTED:
        layout[kind] = params.columns(kind).start
    layout["n_mels"], layout["n_mfcc"] = params.n_mels, params.n_mfcc
    layout["hop_s"] = params.hop_samples / params.sample_rate_hz
    return layout
