"""What a newcomer sees first: `make run ARGS=--once`, without broker, microphone or corpus."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.daemon.contract import faults

ROOT = Path(__file__).parents[2]


def test_once_prints_the_events_of_the_bundled_recording_and_ends_well() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "daemon", "demo", "--once"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [fault for event in events for fault in faults(event["schema"].split("/")[1], event)] == []
    utterances = [event for event in events if event["schema"] == "affectd/utterance/1"]
    assert len(utterances) == 5
    numbers = [event["seq"] for event in events]
    assert numbers == sorted(set(numbers))
    assert "synthetic" in done.stderr
    assert "Traceback" not in done.stderr
