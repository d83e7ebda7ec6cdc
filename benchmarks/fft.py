"""Which FFT: the kernel that ships beside scipy, NumPy and rocket-fft, 1, 10 and 300 frames at a time."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.lines import Line, columns, compared, side
from benchmarks.lines import table as table_of_lines
from benchmarks.rounds import alternate, one_core
from dsp.online import OnlineFrontEnd
from dsp.params import POWER, FrontEndParams

F32 = NDArray[np.float32]
Way = Callable[[], F32]
"""Gives the power spectra of the frames it was made for: (n_frames, n_fft / 2 + 1)."""

PARAMS = FrontEndParams(kinds=(POWER,), pre_emphasis=0.0)
CALLS = {1: 200, 10: 30, 300: 1}
"""How many calls make a round, by frames at a time."""
ROUNDS, SHORT_ROUNDS = 500, 20
OURS = "our kernel"


@dataclass(frozen=True)
class Frames:
    """A stretch of sound and its frames, a view of it."""

    signal: F32
    cut: F32
    taper: F32

    @classmethod
    def some(cls, n_frames: int) -> Frames:
        """Noise for so many frames."""
        n_samples = PARAMS.frame_samples + (n_frames - 1) * PARAMS.hop_samples
        signal = np.random.default_rng(n_frames).uniform(-0.5, 0.5, n_samples).astype(np.float32)
        cut = np.lib.stride_tricks.sliding_window_view(signal, PARAMS.frame_samples)[:: PARAMS.hop_samples]
        return cls(signal, cut, np.hamming(PARAMS.frame_samples).astype(np.float32))


def measure(short: bool, plot: Path | None) -> dict[str, Any]:
    """Taper, transform and power by each way, which take turns on one core."""
    if plot is not None:
        raise SystemExit("fft draws nothing: leave --plot away")
    one_core()
    lines: list[Line] = []
    errors: dict[str, float] = {}
    for n_frames, calls in CALLS.items():
        ways = _ways(Frames.some(n_frames))
        exact = _exact(Frames.some(n_frames))
        errors.update({name: float(np.abs(way() - exact).max() / exact.max()) for name, way in ways.items()})
        lines += _lines(f"{n_frames} frame{'s' if n_frames > 1 else ''} of {PARAMS.n_fft}", ways, calls, short)
    notes = {} if find_spec("rocket_fft") else {"rocket-fft in Numba": "not installed: pip install rocket-fft"}
    return {"lines": [asdict(line) for line in lines], "largest_error": errors, "notes": notes}


def table(figures: dict[str, Any]) -> str:
    """The figures in columns, and how to read them."""
    errors = [(name, f"{error:.1e}") for name, error in figures["largest_error"].items()]
    return "\n\n".join(
        (
            table_of_lines(figures["lines"]),
            *(f"{name}: {note}" for name, note in figures["notes"].items()),
            columns(("way", "largest error to the largest power"), errors),
            "Every way tapers, transforms and takes the power, float32 throughout. Ours also cuts the stream into frames and\n"
            "keeps what is left. A round's time is the mean of its calls; by pairs: the median of the ratios, two rounds by\n"
            "two.",
        )
    )


def _lines(question: str, ways: dict[str, Way], calls: int, short: bool) -> list[Line]:
    sides = {name: (lambda _, way=way: way()) for name, way in ways.items()}
    alternate(sides, 3, calls)
    times = alternate(sides, SHORT_ROUNDS if short else ROUNDS, calls)
    ours = times[OURS]
    told = [side(question, name, ns, name == OURS) for name, ns in times.items()]
    return [told[0], *(compared(line, times[line.side], ours, "x our time") for line in told[1:])]


def _ways(frames: Frames) -> dict[str, Way]:
    from scipy import fft

    ways = {
        OURS: _ours(frames),
        "scipy.fft.rfft between NumPy steps": _batched(frames, lambda rows: fft.rfft(rows, axis=1, workers=1)),
        "numpy.fft.rfft between NumPy steps": _batched(frames, lambda rows: np.fft.rfft(rows, axis=1)),
    }
    if find_spec("rocket_fft"):
        ways["rocket-fft in Numba"] = _rocket(frames)
    return ways


def _ours(frames: Frames) -> Way:
    """The shipped stream, pushed the samples that complete so many frames."""
    n_block = len(frames.cut) * PARAMS.hop_samples
    stream = OnlineFrontEnd(PARAMS, max(n_block, PARAMS.frame_samples))
    overlap = PARAMS.frame_samples - PARAMS.hop_samples
    stream.push(frames.signal[:overlap])
    return lambda: stream.push(frames.signal[overlap:])


def _batched(frames: Frames, transform: Callable[[F32], NDArray[Any]]) -> Way:
    rows = np.empty(frames.cut.shape, np.float32)

    def power() -> F32:
        np.multiply(frames.cut, frames.taper, out=rows)
        spectra = transform(rows)
        return np.asarray(np.square(spectra.real) + np.square(spectra.imag), np.float32)

    return power


def _rocket(frames: Frames) -> Way:
    """rocket-fft lends Numba a numpy.fft that it can compile: one function, frame by frame."""
    fill, hop = _rocket_kernel(), PARAMS.hop_samples
    row = np.empty(PARAMS.n_fft, np.float32)
    out = np.empty((len(frames.cut), PARAMS.n_fft // 2 + 1), np.float32)

    def power() -> F32:
        fill(frames.signal, hop, frames.taper, row, out)
        return out

    return power


@lru_cache(maxsize=None)
def _rocket_kernel() -> Any:
    import numba

    def fill(signal: F32, hop: int, taper: F32, row: F32, out: F32) -> None:
        for frame in range(out.shape[0]):
            for n in range(taper.shape[0]):
                row[n] = signal[frame * hop + n] * taper[n]
            spectrum = np.fft.rfft(row)
            for k in range(out.shape[1]):
                real, imag = spectrum[k].real, spectrum[k].imag
                out[frame, k] = real * real + imag * imag

    return numba.njit(nogil=True)(fill)


def _exact(frames: Frames) -> NDArray[np.float64]:
    spectra = np.fft.rfft(frames.cut.astype(np.float64) * frames.taper, axis=1)
    return np.asarray(np.abs(spectra) ** 2, np.float64)
