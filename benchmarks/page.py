"""The page of all results: one table, the papers' figures beside ours, what each was measured on, and the pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping

from benchmarks import machine
from benchmarks.figures import ROWS, Row, plain

HEADS = ("benchmark", "question", "found", "beside it", "wanted", "aim", "reached", "on")
TITLES = {
    "endtoend": "The way of an utterance, by stage",
    "streams": "Microphones on one core",
    "stream": "One seat",
    "utterance": "A sentence",
    "scaling": "How the cost grows",
    "outbox": "The outbox",
    "gpu": "A GPU",
    "frontend": "The front end",
    "soak": "A day of sound",
    "fleet": "A fleet of a thousand cabins",
}


def write(page: Path, found: Mapping[str, Mapping[str, Any]], cannot: Mapping[str, str], pictures: Path) -> None:
    """`found`: results by benchmark; `cannot`: why there is none of others."""
    machines = list(dict.fromkeys(_without_moment(told["machine"]) for told in found.values()))
    rows = [row for name, told in found.items() for row in _rows(name, told, machines)]
    rows += [(f"`{name}`", "", why, "", "", "", "", "") for name, why in cannot.items() if name not in found]
    parts = [
        "# Results",
        "Written by `python -m benchmarks all`; edits are lost. How it is measured, and what was learnt: [README](README.md).",
        _table(HEADS, rows),
        "## Measured on",
        "\n".join(f"{number}. {told}" for number, told in enumerate(machines, 1)),
        _table(
            ("benchmark", "at", "commit", "programs that wanted a core", "models"), [_moment(n, t) for n, t in found.items()]
        ),
        *_pictures(pictures, page, found),
    ]
    page.write_text("\n\n".join(parts) + "\n")


def _rows(name: str, told: Mapping[str, Any], machines: list[str]) -> list[tuple[str, ...]]:
    number = str(machines.index(_without_moment(told["machine"])) + 1)
    rows: list[Row] = ROWS.get(name, plain)(told["figures"])
    short = " (short form: says little)" if told.get("short") else ""
    return [
        (f"`{name}`" + short, one.question, one.found, one.beside, one.wanted, one.aim, _loud(one.reached), number)
        for one in rows
    ]


def _loud(reached: str) -> str:
    return f"**{reached.lower()}**" if reached == "MISSED" else reached


def _without_moment(told: Mapping[str, Any]) -> str:
    """A machine, whenever."""
    return machine.line({name: value for name, value in told.items() if name not in ("load", "at", "commit")})


def _moment(name: str, told: Mapping[str, Any]) -> tuple[str, ...]:
    of = told["machine"]
    models = ", ".join(f"{model} `{sha256[:12]}`" for model, sha256 in told.get("models", {}).items())
    return f"`{name}`", str(of.get("at", "")), str(of.get("commit", "")), f"{of['load']:.1f}", models


def _pictures(pictures: Path, page: Path, results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    found = []
    for name, title in TITLES.items():
        path = pictures / f"{name}.png"
        if path.exists():
            place = path.relative_to(page.parent) if page.parent in path.parents else path
            found += [f"## {title}", f"![{title}]({place})"]
        if name == "scaling" and name in results:
            why: Mapping[str, str] = results[name]["figures"]["why"]
            found.append("\n".join(f"- By the {part}: {reason}" for part, reason in why.items()))
    return found


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
