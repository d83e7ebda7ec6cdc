"""What is in an archive, and messages to put there."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from daemon.collect.row import Row, row_of

ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 11, 20, 12, 0, 0, tzinfo=timezone.utc)


def message(
    node: str, seq: int, boot: str = "b1", kind: str = "utterance", at: datetime = NOON, **more: Any
) -> tuple[str, bytes]:
    """Topic and payload."""
    head = {"schema": f"affectd/{kind}/1", "node": node, "boot": boot, "seq": seq}
    levels = ["affectd", node, kind]
    if kind != "gap":
        head["source"] = "driver"
        levels.insert(2, "driver")
    said = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"
    return "/".join(levels), json.dumps({**head, "at": said, **more}).encode()


def utterance(node: str, seq: int, label: str = "anger", total_ms: float = 800.0, **more: Any) -> tuple[str, bytes]:
    body = {"label": label, "confidence": 0.5, "speech": {"duration_s": 2.0}, "latency_ms": {"total": total_ms}}
    return message(node, seq, **{**body, **more})


def row(sent: tuple[str, bytes], after_s: float = 1.0) -> Row:
    """As it is received so long after noon."""
    found = row_of(*sent, NOON + timedelta(seconds=after_s))
    assert isinstance(found, Row), found
    return found


def asked(folder: Path, question: str) -> list[tuple[Any, ...]]:
    """By the queries that ship."""
    with duckdb.connect() as connection:
        connection.execute(f"SET file_search_path = '{folder}'")
        connection.execute((ROOT / "deploy" / "fleet" / "queries.sql").read_text())
        return connection.execute(question).fetchall()


def keys(folder: Path, view: str = "messages") -> list[tuple[str, str, int]]:
    """In order: each once, or with `files` as they lie there."""
    if not list(folder.glob("day=*")):
        return []
    return sorted(asked(folder, f"SELECT node, boot, seq FROM {view}"))


def n_rows(folder: Path) -> int:
    """As they lie there: quicker than the queries."""
    return sum(pq.ParquetFile(path).metadata.num_rows for path in folder.glob("day=*/node=*/*.parquet"))


def bad(folder: Path) -> list[Any]:
    """What is in quarantine."""
    return [json.loads(line) for path in sorted(folder.glob("quarantine/*")) for line in path.read_text().splitlines()]
