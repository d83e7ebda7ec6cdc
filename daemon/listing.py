"""What `affectd devices` and `affectd models` show."""

from __future__ import annotations

from typing import Any, Sequence

from daemon.capture import process, require_pyaudio
from models import registry
from models.contract import WINDOWS
from models.errors import ModelError
from models.runtime import open_model


def devices() -> list[dict[str, Any]]:
    """Every input: its stable names, what it offers, and whether it is a dummy.

    Raises DeviceError without PyAudio, or while a sound server hangs.
    """
    require_pyaudio()
    return [
        {
            "name": device.name,
            "card_id": device.card_id,
            "usb_path": device.usb_path,
            "channels": device.n_channels,
            "rate_hz": device.rate_hz,
            "dummy": device.is_dummy,
        }
        for device in process.devices()
    ]


def device_cells(row: dict[str, Any]) -> list[str]:
    """A device as one row of a table."""
    kind = "dummy" if row["dummy"] else ""
    return [row["name"], row["card_id"], row["usb_path"], str(row["channels"]), f"{row['rate_hz']} Hz", kind]


def models() -> list[dict[str, Any]]:
    """Every model that ships, with its contract's promises; a broken one says what is wrong with it."""
    return [_model(name) for name in registry.names()]


def _model(name: str) -> dict[str, Any]:
    try:
        model = open_model(name)
    except ModelError as trouble:
        return {"name": name, "error": str(trouble)}
    contract = model.contract
    return {
        "name": contract.name,
        "default": contract.name == registry.DEFAULT,
        "labels": list(contract.labels),
        "licence": contract.licence,
        "trained_on": list(contract.trained_on),
        "form": contract.form,
        "window_s": contract.window_frames * contract.front_end.hop_ms / 1e3 if contract.form == WINDOWS else None,
        "min_confidence": contract.min_confidence,
        "scores": dict(contract.scores),
        "sha256": model.sha256,
    }


def model_cells(row: dict[str, Any]) -> list[str]:
    """A model that can be used, as one row of a table."""
    scores = row["scores"]
    uar = scores.get("speaker_independent_uar", scores.get("speaker_independent_uar_mean"))
    name = row["name"] + (" (default)" if row["default"] else "")
    score = "not measured" if uar is None else f"{uar:.1f} %"
    return [name, row["licence"], ", ".join(row["trained_on"]), score, ", ".join(row["labels"])]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns side by side, two spaces between, the first row a heading."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join(lines)
