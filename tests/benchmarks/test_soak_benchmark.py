"""The soak runs, in its short form: minutes instead of hours, and what it counts adds up."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.soak_watch import Watch

ROOT = Path(__file__).parents[2]
RATE_HZ = 16000


def test_soak(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    command = [sys.executable, "-m", "benchmarks", "soak", "--short", "--json", str(result)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    figures = json.loads(result.read_text())["figures"]
    assert [one["hour"] for one in figures["by_hour"]] == [0, 1, 2, 3]
    assert figures["utterances"] >= 15
    assert figures["events_compared"] == 5
    assert (figures["drift_samples_max"], figures["events_without_counterpart"], figures["sound_lost_s"]) == (0.0, 0, 0.0)
    assert figures["messages_received"] == figures["messages_committed"] > figures["utterances"]
    assert figures["messages_waiting"] == 0
    assert len(figures["descriptors"]) == 1
    assert all(one["rss_mb"] > one["anonymous_mb"] > 0.0 for one in figures["by_hour"])


def watched(*spoken_s: tuple[float, float]) -> Watch:
    """Hours of ten seconds, four of them."""
    watch = Watch(4, 10 * RATE_HZ, RATE_HZ, 0)
    watch.spoken_s = list(spoken_s)
    return watch


def test_a_drift_is_seen() -> None:
    """The second hour is what the others are held to; the first, in which the gate learns the noise, and the one after the day
    are not looked at."""
    there = [(1.5, 2.5), (12.0, 13.0), (15.0, 16.0)]
    assert watched(*there, (22.0, 23.0), (25.0, 26.0), (42.2, 43.0)).drift().max_samples == 0.0
    drift = watched(*there, (22.0, 23.0), (25.0, 26.0), (32.0, 33.0), (35.0, 36.1)).drift()
    assert (round(drift.max_samples), drift.n_events, drift.n_alone) == (1600, 4, 0)
    assert watched(*there, (22.0, 23.0), (28.0, 29.0)).drift().n_alone == 1
