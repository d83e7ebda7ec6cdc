"""The tables and work space that turn samples into feature frames, whole or streamed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dsp import kernels
from dsp.cepstrum import dct_matrix
from dsp.mel import mel_bank
from dsp.params import LOG_MEL, MFCC, SPECTROGRAM, FrontEndParams
from dsp.spectrum import hamming, linear_bank, twiddles


class FrontEnd:
    """Feature frames from samples that lie together in memory. One thread at a time: the work space is its own."""

    def __init__(self, params: FrontEndParams) -> None:
        self.params = params
        self._taper = hamming(params.frame_samples)
        self._cos, self._sin = twiddles(params.n_fft)
        self._linear = _sparse(linear_bank(params)) if SPECTROGRAM in params.kinds else None
        self._mel = _sparse(mel_bank(params)) if {LOG_MEL, MFCC} & set(params.kinds) else None
        self._dct = dct_matrix(params.n_mfcc, params.n_mels)
        self._work = np.zeros((4, params.n_fft // 2, kernels.LANES), np.float32)
        self._power = np.zeros((params.n_fft // 2 + 1, kernels.LANES), np.float32)
        self._bands = np.zeros((params.n_bands, kernels.LANES), np.float32)
        self._log_mel = np.zeros((params.n_mels, kernels.LANES), np.float32)
        self._mfcc = np.zeros((params.n_mfcc, kernels.LANES), np.float32)
        self._columns = {kind: params.columns(kind).start for kind in params.kinds}
        self._log_floor = np.float32(params.log_floor)
        self._pre_emphasis = np.float32(params.pre_emphasis)

    def fill(self, signal: NDArray[np.float32], first_sample: int, n_frames: int, out: NDArray[np.float32]) -> None:
        """Write frames into out[:n_frames]: (>= n_frames, n_features) float32.

        `signal[first_sample]` is the first frame's first sample; `signal[first_sample - 1]` must be the sample
        before it (zero at the start of a stream), for the pre-emphasis.
        """
        for done in range(0, n_frames, kernels.LANES):
            self._fill_group(
                signal,
                first_sample + done * self.params.hop_samples,
                min(kernels.LANES, n_frames - done),
                out[done : done + kernels.LANES],
            )

    def _fill_group(self, signal: NDArray[np.float32], first: int, n: int, out: NDArray[np.float32]) -> None:
        re, im, spare_re, spare_im = self._work
        kernels.load_frames(signal, first, self.params.hop_samples, n, self._pre_emphasis, self._taper, re, im)
        kernels.power_spectra(self._cos, self._sin, re, im, spare_re, spare_im, self._power)
        if self._linear is not None:
            kernels.log_bank(self._power, *self._linear, self._log_floor, self._bands)
            kernels.store_lanes(self._bands, n, self._columns[SPECTROGRAM], out)
        if self._mel is not None:
            kernels.log_bank(self._power, *self._mel, self._log_floor, self._log_mel)
        if LOG_MEL in self._columns:
            kernels.store_lanes(self._log_mel, n, self._columns[LOG_MEL], out)
        if MFCC in self._columns:
            kernels.matrix_lanes(self._dct, self._log_mel, self._mfcc)
            kernels.store_lanes(self._mfcc, n, self._columns[MFCC], out)


def warm_up(params: FrontEndParams) -> None:
    """Compile every kernel, or load it from Numba's cache on disk, so that no block of sound waits for a compiler."""
    out = np.zeros((1, params.n_features), np.float32)
    FrontEnd(params).fill(np.zeros(params.frame_samples + 1, np.float32), 1, 1, out)


def _sparse(bank: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """A filter bank as first bins (n_filters,) and the weights from there on (n_filters, widest), zeros at the end."""
    used = bank != 0.0
    starts = used.argmax(axis=1)
    ends = bank.shape[1] - used[:, ::-1].argmax(axis=1)
    weights = np.zeros((len(bank), int((ends - starts).max())), np.float32)
    for row, (start, end) in enumerate(zip(starts, ends)):
        weights[row, : end - start] = bank[row, start:end]
    return starts.astype(np.int64), weights
