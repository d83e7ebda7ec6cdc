"""The archive: Parquet files by day and node, and apart from them what is no message of ours.

    day=2026-11-20/node=cabin-7/20261120T230507-1c9e....parquet
    quarantine/20261120T230507-88ab....jsonl

Day and node are in the path alone, as DuckDB, Spark, Polars and pyarrow read them (`hive_partitioning`).
"""

from __future__ import annotations

import base64
import json
import uuid
from datetime import datetime
from pathlib import Path
from typing import IO, Callable, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from daemon.collect.durable import Files
from daemon.collect.row import Bad, Row

QUARANTINE = "quarantine"
MOST_QUARANTINE_BYTES = 256 * 1024 * 1024
"""Beyond that what is no message of ours is counted and thrown away: it must not fill the disk."""
LONGEST_KEPT = 4096
"""Bytes of a bad message."""
MOMENT = pa.timestamp("ms", tz="UTC")
SCHEMA = pa.schema(
    [
        pa.field("kind", pa.string(), nullable=False),
        pa.field("source", pa.string()),
        pa.field("boot", pa.string(), nullable=False),
        pa.field("seq", pa.int64(), nullable=False),
        pa.field("said_at", MOMENT, nullable=False),
        pa.field("received_at", MOMENT, nullable=False),
        pa.field("label", pa.string()),
        pa.field("confidence", pa.float64()),
        pa.field("duration_s", pa.float64()),
        pa.field("latency_ms", pa.float64()),
        pa.field("body", pa.string(), nullable=False),
    ]
)
"""Of a file: each field is the Row's of that name."""


class Archive:
    """Files are added, and never changed."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError."""
        self._files = Files(folder)
        self._files.sweep()
        quarantine = folder / QUARANTINE
        self._quarantine_bytes = sum(path.stat().st_size for path in quarantine.glob("*.jsonl"))

    def write_rows(self, rows: Sequence[Row]) -> None:
        """A file of rows of one day and one node, which is durable when this returns. Raises OSError."""
        first = rows[0]
        target = Path(f"day={first.day}", f"node={first.node}", f"{_name(first.received_at)}.parquet")
        table = pa.table([[getattr(row, field.name) for row in rows] for field in SCHEMA], schema=SCHEMA)
        self._write(target, lambda file: pq.write_table(table, file, compression="zstd"))

    def write_bad(self, bad: Sequence[Bad]) -> bool:
        """What was wrong with them, and their first bytes; False where there is no more room. Raises OSError."""
        lines = "".join(_line(one) for one in bad).encode()
        if self._quarantine_bytes + len(lines) > MOST_QUARANTINE_BYTES:
            return False
        self._write(Path(QUARANTINE, f"{_name(bad[0].received_at)}.jsonl"), lambda file: file.write(lines))
        self._quarantine_bytes += len(lines)
        return True

    def _write(self, target: Path, fill: Callable[[IO[bytes]], object]) -> None:
        self._files.write(self._files.folder / target, fill)


def _name(received_at: datetime) -> str:
    return f"{received_at:%Y%m%dT%H%M%S}-{uuid.uuid4().hex}"


def _line(bad: Bad) -> str:
    said = {
        "received_at": bad.received_at.isoformat(),
        "topic": bad.topic,
        "why": bad.why,
        "bytes": len(bad.payload),
        "payload_base64": base64.b64encode(bad.payload[:LONGEST_KEPT]).decode(),
    }
    return json.dumps(said) + "\n"
