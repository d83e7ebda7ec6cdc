"""The settings of the speech gate."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.settings.wish import want


@dataclass(frozen=True)
class GateSettings:
    """What counts as speech."""

    aggressiveness: int = 2
    """WebRTC's detector: 0 lets most through, 3 least."""
    onset_ms: float = 120.0
    """Speech begins when a share of this stretch is voiced ..."""
    onset_share: float = 0.6
    """... of at least so much."""
    pre_roll_ms: float = 120.0
    """Kept from before the first voiced frame ..."""
    post_roll_ms: float = 120.0
    """... and from after the last one. Chosen, as the onset's share, on speakers of RAVDESS in a cabin's noise: with less more
    of the mood is lost at the ends, with 200 more noise comes along than is won."""
    range_db: float = 40.0
    """What is so much fainter than the loudest voice of an utterance is not part of it."""
    hang_over_ms: float = 800.0
    """Speech ends after this long without voice: the pauses within a sentence are shorter."""
    longest_utterance_s: float = 20.0
    speech_only: bool = True
    """Noise, beeps and music that the detector takes for voice say nothing; false: they are judged as speech is. Only for
    models that know of functionals (`stream`): the others cannot tell."""

    def __post_init__(self) -> None:
        want(self.aggressiveness in (0, 1, 2, 3), "aggressiveness", self.aggressiveness, "0, 1, 2 or 3")
        want(20.0 <= self.onset_ms <= 1000.0, "onset_ms", self.onset_ms, "20 to 1000")
        want(0.0 < self.onset_share <= 1.0, "onset_share", self.onset_share, "above 0, at most 1")
        want(1.0 <= self.pre_roll_ms <= 1000.0, "pre_roll_ms", self.pre_roll_ms, "1 to 1000")
        want(10.0 <= self.range_db <= 96.0, "range_db", self.range_db, "10 to 96")
        want(100.0 <= self.hang_over_ms <= 5000.0, "hang_over_ms", self.hang_over_ms, "100 to 5000")
        want(0.0 <= self.post_roll_ms <= self.hang_over_ms, "post_roll_ms", self.post_roll_ms, "0 to hang_over_ms")
        want(2.0 <= self.longest_utterance_s <= 300.0, "longest_utterance_s", self.longest_utterance_s, "2 to 300")
