"""Whether a microphone is alive: a machine of six states, told what happens and when, that says when to try again.

It reads no clock and opens nothing: whoever captures tells it, and does what it says. Times are monotonic, in seconds.

| state | what it means | what ends it | and then it is |
|---|---|---|---|
| recovering | the device is being opened, for the first time or again | sound comes | healthy |
| | | it is not there, or went at once | lost |
| | | it is there and cannot be used | failed |
| | | nothing comes for OPENING_S | stalled; the next try is at once |
| healthy | sound comes | nothing but digital silence for SILENT_S | silent |
| | | nothing comes for STALLED_S, or what comes is older than LATE_S | stalled |
| | | the device is gone | lost |
| | | what captures it breaks | failed |
| silent | sound comes, all of it zeros: muted, or nothing is plugged into the device | any other sample | healthy |
| | | as for healthy | stalled, lost, failed |
| stalled | the device is open, and what should come does not, or comes too late | sound comes in time | healthy |
| | | the device is gone, what captures it breaks | lost, failed |
| | | the next try is due: it is opened anew | recovering |
| lost | there is no such device | the next try is due | recovering |
| failed | it is there and cannot be used: another program holds it, or its name fits several | a try is due | recovering |

The first try begins 0.5 s after what went wrong, the next 1, 2, 5 s after the one before began, then one every 5 s for ever;
the row begins anew once sound came for STEADY_S. Each is early by EARLY of its wait: several microphones do not try at one
moment, and what opening takes lies within the 5 s.
"""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass

HEALTHY, SILENT, STALLED, LOST, RECOVERING, FAILED = "healthy", "silent", "stalled", "lost", "recovering", "failed"
STATES = (HEALTHY, SILENT, STALLED, LOST, RECOVERING, FAILED)

STALLED_S = 1.0
LATE_S = 2.0
"""Sound that is older is dropped: whoever reads of a mood is told of now."""
SILENT_S = 5.0
"""No microphone that hears gives exactly nothing for so long."""
OPENING_S = 5.0
STEADY_S = 2.0
WAITS_S = (0.5, 1.0, 2.0, 5.0)
EARLY = (0.2, 0.3)
LONGEST_LOOK_S = 0.25
"""Between two looks of who captures: when it was held up itself, the microphone is not to blame for more than that."""


@dataclass
class Counts:
    """Since the service started. They outlive the device's being switched off and on."""

    attempts: int = 0
    """Openings begun."""
    recoveries: int = 0
    """Times that sound came again."""
    losses: int = 0
    """Times that the device was found gone: not how often it was then looked for in vain."""
    stalls: int = 0
    silences: int = 0
    failures: int = 0
    """Openings that failed though the device was there."""
    late_samples: int = 0
    """Dropped as they came, or were read, too late."""
    overrun_samples: int = 0
    """Dropped as the service had no room for them."""
    xruns: int = 0
    """Times that the device said it had lost sound."""

    def as_dict(self) -> dict[str, int]:
        """As /health carries them."""
        return asdict(self)


class Liveness:
    """One microphone's state, and why it is in it. One thread tells it; any may look."""

    def __init__(self, now_s: float, counts: Counts, chance: random.Random) -> None:
        """`chance`: of how early a try is. The first try is due at once."""
        self.state = RECOVERING
        self.reason = "it has not been opened yet"
        self.since_s = now_s
        self.counts = counts
        self.deaf = False
        """True from the moment it stops to hear until it hears again; a device that is opened for the first time is not."""
        self._chance = chance
        self._attempt_s: float | None = now_s
        self._began_s = now_s
        self._n_waits = 0
        self._last_look_s = now_s
        self._unheard_s = 0.0
        self._gone = False
        self._heard_since_s: float | None = None
        self._silent_since_s: float | None = None

    @property
    def hears(self) -> bool:
        """True while sound comes as it should."""
        return self.state in (HEALTHY, SILENT)

    def wait_s(self, now_s: float) -> float | None:
        """How long until the next try is due; 0: it is; None: none is wanted."""
        return None if self._attempt_s is None else max(0.0, self._attempt_s - now_s)

    def attempted(self, now_s: float) -> None:
        """The device is being opened, whatever was open before is closed."""
        self.counts.attempts += 1
        self._attempt_s = None
        self._began_s = now_s
        self._unheard_s = 0.0
        self._last_look_s = now_s
        self._enter(RECOVERING, now_s, "it is being opened")

    def heard(self, now_s: float, age_s: float, only_zeros: bool) -> None:
        """Sound came, whose newest sample is so old."""
        self._unheard_s = 0.0
        self._last_look_s = now_s
        if age_s > LATE_S:
            self._stall(now_s, f"what comes is older than {LATE_S:g} s")
            return
        if self._heard_since_s is None:
            self._heard_since_s = now_s
            self.counts.recoveries += self.deaf
        self.deaf = self._gone = False
        self._attempt_s = None
        if now_s - self._heard_since_s >= STEADY_S:
            self._n_waits = 0
        self._judge_silence(now_s, only_zeros)

    def lost(self, now_s: float, reason: str) -> None:
        """There is no such device, or it has gone."""
        self.counts.losses += not self._gone
        self._gone = True
        self._stop_hearing(now_s)
        self._enter(LOST, now_s, reason)

    def failed(self, now_s: float, reason: str) -> None:
        """The device is there, and cannot be used."""
        self.counts.failures += 1
        self._stop_hearing(now_s)
        self._enter(FAILED, now_s, reason)

    def passed(self, now_s: float) -> None:
        """Whoever captures has looked, and nothing had come. To be told at least every LONGEST_LOOK_S."""
        self._unheard_s += min(LONGEST_LOOK_S, now_s - self._last_look_s)
        self._last_look_s = now_s
        if self.hears and self._unheard_s > STALLED_S:
            self._stall(now_s, f"nothing has come for {STALLED_S:g} s: the device or its sound server hangs")
        elif self.state == RECOVERING and self._attempt_s is None and self._unheard_s > OPENING_S:
            self._stall(now_s, f"nothing has come {OPENING_S:g} s after opening it: the device or its sound server hangs")
            # it has waited long enough
            self._attempt_s = now_s

    def _stall(self, now_s: float, reason: str) -> None:
        if self.state == STALLED:
            return
        self.counts.stalls += 1
        self._stop_hearing(now_s)
        self._enter(STALLED, now_s, reason)

    def _stop_hearing(self, now_s: float) -> None:
        self.deaf = True
        self._heard_since_s = self._silent_since_s = None
        self._unheard_s = 0.0
        # a busy machine takes long to open a device: that is no reason to wait all the longer
        from_s = self._began_s if self.state == RECOVERING else now_s
        early = self._chance.uniform(*EARLY)
        self._attempt_s = from_s + WAITS_S[min(self._n_waits, len(WAITS_S) - 1)] * (1.0 - early)
        self._n_waits += 1

    def _judge_silence(self, now_s: float, only_zeros: bool) -> None:
        if not only_zeros:
            self._silent_since_s = None
            self._enter(HEALTHY, now_s, "")
            return
        if self._silent_since_s is None:
            self._silent_since_s = now_s
        if now_s - self._silent_since_s >= SILENT_S:
            self.counts.silences += self.state != SILENT
            self._enter(SILENT, now_s, "it gives nothing but zeros: it is muted, or nothing is plugged into it")
        else:
            self._enter(HEALTHY, now_s, "")

    def _enter(self, state: str, now_s: float, reason: str) -> None:
        if state != self.state:
            self.since_s = now_s
        self.state, self.reason = state, reason
