"""What a newcomer sees first: `make run ARGS=--once`, without broker, microphone or corpus."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.daemon.contract import faults

ROOT = Path(__file__).parents[2]


def read_to_the_address(demo: subprocess.Popen[str]) -> tuple[str, str]:
    """What is said until the page tells where it is, and where that is."""
    said = ""
    assert demo.stderr is not None
    for line in demo.stderr:
        said += line
        found = re.search(r"dashboard: (http://127\.0\.0\.1:\d+/)", line)
        if found:
            return said, found[1]
    raise AssertionError(said)


def test_once_prints_the_events_of_the_bundled_recording_and_ends_well() -> None:
    command = [sys.executable, "-m", "daemon", "demo", "--once"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
        said, address = read_to_the_address(demo)
        with urllib.request.urlopen(address, timeout=60) as page:
            assert b"How they feel now" in page.read()
        out, rest = demo.communicate(timeout=240)
    said += rest
    assert demo.returncode == 0, said
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(address, timeout=60)
    events = [json.loads(line) for line in out.splitlines()]
    assert [fault for event in events for fault in faults(event["schema"].split("/")[1], event)] == []
    utterances = [event for event in events if event["schema"] == "affectd/utterance/1"]
    assert len(utterances) == 5
    numbers = [event["seq"] for event in events]
    assert numbers == sorted(set(numbers))
    assert "synthetic" in said
    assert "Traceback" not in said
