"""What the soak sees from outside of the service: what a subscriber received, and what the kernel says of the process."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from dataclasses import dataclass

import numpy as np

from benchmarks.process import Process, look

SAME_S = 1.0
"""Events of two hours are the same one if they begin within so much of each other."""


@dataclass(frozen=True)
class Hour(Process):
    """The process when so many hours of sound were over; 0: after the first utterance."""

    hour: int
    wall_s: float
    lost_s: float = 0.0
    """Of sound, since the start."""


@dataclass(frozen=True)
class Drift:
    """How far events lie from those of the second hour, in samples."""

    median_samples: float
    max_samples: float
    n_events: int
    n_alone: int
    """Events that have none within SAME_S in the second hour."""


class Watch:
    """Takes what a subscriber receives; looks at the process each time that an hour of sound is over."""

    def __init__(self, n_hours: int, hour_samples: int, rate_hz: int, metrics_port: int) -> None:
        self._n_hours = n_hours
        self._hour_s = hour_samples / rate_hz
        self._rate_hz = rate_hz
        self._port = metrics_port
        self._started_s = time.monotonic()
        self._pid = 0
        self.over = threading.Event()
        """The day is over; events may come still."""
        self.hours: list[Hour] = []
        self.seqs: set[int] = set()
        self.n_again = 0
        self.spoken_s: list[tuple[float, float]] = []
        """Begin and end of each utterance."""
        self.late_ms: list[float] = []
        """Each utterance's latency beyond the gate's hang-over; on a machine that does not keep up, how far it is behind."""

    def begin(self, pid: int) -> None:
        """The service has started."""
        self._pid, self._started_s = pid, time.monotonic()

    def receive(self, topic: str, text: str) -> None:
        """An utterance, an episode, a state: on the subscriber's thread."""
        body = json.loads(text)
        if body["seq"] in self.seqs:
            self.n_again += 1
            return
        self.seqs.add(body["seq"])
        if not topic.endswith("/utterance"):
            return
        speech, latency_ms = body["speech"], body["latency_ms"]
        self.spoken_s.append((speech["start_s"], speech["end_s"]))
        self.late_ms.append(latency_ms["total"] - latency_ms["hang_over"])
        hour = int(speech["start_s"] // self._hour_s)
        if hour >= len(self.hours):
            # before it is asked: a request is a thread and a descriptor
            seen, wall_s = look(self._pid), round(time.monotonic() - self._started_s, 1)
            self.hours.append(Hour(**vars(seen), hour=hour, wall_s=wall_s, lost_s=self._lost_s()))
        if hour >= self._n_hours:
            self.over.set()

    def _lost_s(self) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=30.0) as page:
            lines = page.read().decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("affectd_audio_lost_seconds_total"))

    @property
    def heard_s(self) -> float:
        """Sound between the first look at the process and the last."""
        return self.hours[-1].hour * self._hour_s

    def drift(self) -> Drift:
        """Where the events of each hour lie beside those of the second: in the first the gate does not know the noise yet."""
        begins, ends = np.array(self.spoken_s).T
        hours = (begins // self._hour_s).astype(int)
        begins, ends = begins - hours * self._hour_s, ends - hours * self._hour_s
        known, later = hours == 1, (hours > 1) & (hours < self._n_hours)
        nearest = np.argmin(np.abs(begins[later][:, None] - begins[known]), axis=1)
        moved_s = np.abs(np.stack((begins[later] - begins[known][nearest], ends[later] - ends[known][nearest])))
        same = moved_s[0] <= SAME_S
        moved = moved_s[:, same] * self._rate_hz
        return Drift(float(np.median(moved)), float(moved.max()), int(same.sum()), int((~same).sum()))
