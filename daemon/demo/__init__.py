"""The demonstration: a private broker, the service, the page, a real subscriber; a recording where there is no microphone."""

from __future__ import annotations

from pathlib import Path

RECORDING = Path(__file__).parent / "cabin.flac"
"""The bundled recording: synthetic voices in a synthetic cabin."""
