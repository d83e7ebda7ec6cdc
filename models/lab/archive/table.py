"""Rows as Parquet: of the parts that are written on the way, and of the result."""

from __future__ import annotations

import json
import os
from typing import Mapping, Sequence

import pyarrow as pa

from models.lab.archive.judge import Row

METADATA_KEY = b"affectd"
ROW = "row"
"""The place in the listing: in parts alone, the result is in that order."""


def schema(labels: Sequence[str], made_of: Mapping[str, str]) -> pa.Schema:
    """Of the result. `made_of`, what is the same for all rows, stands in its metadata as JSON."""
    fields = [
        ("path", pa.string()),  # as it was listed; what is not UTF-8 in it as \xNN
        ("label", pa.string()),
        ("confidence", pa.float64()),
        ("uncertain", pa.bool_()),
        ("probabilities", pa.struct([(label, pa.float64()) for label in labels])),
        ("seconds", pa.float64()),
        ("utterances", pa.int32()),
        ("windows", pa.int32()),
        ("milliseconds", pa.float64()),
        ("error", pa.string()),
        ("remarks", pa.string()),
        ("path_bytes", pa.binary()),  # of names that are not UTF-8 alone
    ]
    return pa.schema(fields, metadata={METADATA_KEY: json.dumps(dict(made_of))})


def part_schema(result: pa.Schema) -> pa.Schema:
    """Of a part of that result."""
    return result.insert(0, pa.field(ROW, pa.int64()))


def made_of(found: pa.Schema) -> dict[str, str] | None:
    """What `schema` was given; None where a file is not ours."""
    try:
        told = json.loads((found.metadata or {})[METADATA_KEY])
    except (KeyError, ValueError):
        return None
    return {str(name): str(value) for name, value in told.items()} if isinstance(told, dict) else None


def table(rows: Sequence[Row], paths: Sequence[str], labels: Sequence[str], wanted: pa.Schema) -> pa.Table:
    """`wanted` is `part_schema`'s."""
    return pa.Table.from_pylist([_values(row, paths[row.row], labels) for row in rows], schema=wanted)


def _values(row: Row, path: str, labels: Sequence[str]) -> dict[str, object]:
    raw = os.fsencode(path)
    readable = raw.decode("utf-8", "backslashreplace")
    return {
        **{name: value for name, value in vars(row).items() if name != "probabilities"},
        "path": readable,
        "path_bytes": raw if readable.encode() != raw else None,
        "uncertain": row.uncertain,
        "probabilities": dict(zip(labels, row.probabilities)) or None,
    }
