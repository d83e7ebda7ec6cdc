"""Where sound stands in time: one row of positions over all openings of a device, and how old each block really is.

Within an opening samples are the clock. Between two, and where sound was lost without a word, capture times tell how long the
hole is. Pure: it reads no clock.
"""

from __future__ import annotations

from dataclasses import replace

from daemon.events import Block

SETTLING_S = 0.2
"""The first sound of an opening is not used: by its least delayed block the rest is placed."""
LOOK_S = 1.0
"""Real time over which the least delay is looked for."""
PAUSE_S = 0.1
"""When no callback came for so long, what comes next may be held-back sound in a burst: the look begins anew."""
HOLE_S = 0.05
"""When no block of LOOK_S came with less delay than that, sound was lost; less is the drift of two clocks, and is followed."""


class Timeline:
    """Gives blocks of one opening after another their positions, the first sample ever being 0.

    A callback may come late, never early: so the block that came soonest after its sound tells when the opening began, and all
    others are as old as their distance from there. What a server held back and gives in a burst is told by that, too.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._end_sample = 0
        self._end_ns: int | None = None
        self.opened()

    def opened(self) -> None:
        """What comes next is of another opening, which counts its samples from 0."""
        self._epoch_ns: int | None = None
        """When the sample before its first was captured."""
        self._settled_sample: int | None = None
        self._shift = 0
        self._n_xruns = 0
        self._placed = False
        self._came_ns = self._look_ns = 0
        self._least_lag_ns: int | None = None

    def place(self, block: Block, n_xruns: int = 0) -> Block | None:
        """The block at its position, `captured_ns` being when its newest sample was there; None while an opening settles.

        `n_xruns`: how often the device has said, in this opening, that it lost sound.
        """
        lag_ns = self._lag_ns(block)
        if self._settled_sample is None:
            self._settled_sample = block.start_sample + round(SETTLING_S * self._rate_hz)
        if block.start_sample < self._settled_sample:
            self._n_xruns = n_xruns
            return None
        if not self._placed:
            self._placed = True
            self._shift = self._position(self._ns(block.start_sample)) - block.start_sample
            self._begin_look(block.captured_ns)
        elif n_xruns != self._n_xruns:
            # said by the device, so the sound that follows is of now
            self._make_hole(block, max(0, lag_ns))
        else:
            self._look(block, lag_ns)
        self._n_xruns = n_xruns
        self._came_ns = block.captured_ns
        placed = replace(block, start_sample=block.start_sample + self._shift, captured_ns=self._ns(block.end_sample))
        self._end_sample, self._end_ns = placed.end_sample, placed.captured_ns
        return placed

    def _ns(self, sample: int) -> int:
        """When the sample before that one of the opening was captured."""
        assert self._epoch_ns is not None
        return self._epoch_ns + round(sample * 1e9 / self._rate_hz)

    def _lag_ns(self, block: Block) -> int:
        """How much later the block came than the soonest would have."""
        epoch_ns = block.captured_ns - round(block.end_sample * 1e9 / self._rate_hz)
        if self._epoch_ns is None or epoch_ns < self._epoch_ns:
            self._epoch_ns = epoch_ns
        return epoch_ns - self._epoch_ns

    def _position(self, at_ns: int) -> int:
        """Of what was captured just after `at_ns`: never before what was placed already."""
        if self._end_ns is None:
            return 0
        return self._end_sample + max(0, round((at_ns - self._end_ns) * self._rate_hz / 1e9))

    def _begin_look(self, now_ns: int) -> None:
        self._look_ns = now_ns
        self._least_lag_ns = None

    def _look(self, block: Block, lag_ns: int) -> None:
        if block.captured_ns - self._came_ns > PAUSE_S * 1e9:
            self._begin_look(block.captured_ns)
        least_ns = lag_ns if self._least_lag_ns is None else min(lag_ns, self._least_lag_ns)
        self._least_lag_ns = least_ns
        if block.captured_ns - self._look_ns < LOOK_S * 1e9:
            return
        if least_ns > HOLE_S * 1e9:
            self._make_hole(block, least_ns)
        else:
            assert self._epoch_ns is not None
            self._epoch_ns += least_ns
        self._begin_look(block.captured_ns)

    def _make_hole(self, block: Block, hole_ns: int) -> None:
        assert self._epoch_ns is not None
        self._shift += round(hole_ns * self._rate_hz / 1e9)
        self._epoch_ns += hole_ns
        self._begin_look(block.captured_ns)
