"""What a benchmark's result says of itself: a figure without its machine and its model means nothing."""

from __future__ import annotations

from typing import Any, Mapping

from benchmarks import machine


def result(name: str, figures: Mapping[str, Any], short: bool) -> dict[str, Any]:
    """As `--json` writes it."""
    return {"benchmark": name, "short": short, "machine": machine.facts(), "models": models_of(figures), "figures": figures}


def models_of(figures: Mapping[str, Any]) -> dict[str, str]:
    """The models that were asked, each with its file's sha256; none, where sound or messages alone were worked on."""
    told = figures.get("sha256", {})
    return dict(told) if isinstance(told, Mapping) else {figures["model"]: told}


def head(told: Mapping[str, Any]) -> str:
    """In a line or two, for people: what it was measured with."""
    models = ", ".join(f"{name} {sha256[:12]}" for name, sha256 in told["models"].items())
    return f"{machine.line(told['machine'])}\n{f'models: {models}' if models else 'no model was asked'}"
