"""Makes one file of the many of a past day and node, each message once. Collectors may go on meanwhile."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from daemon.collect.archive import SCHEMA
from daemon.collect.durable import Files
from daemon.durable import sync_folder
from daemon.errors import SettingsError

Say = Callable[[str], None]


def compact(folder: Path, say: Say, today: date | None = None) -> None:
    """Days before `today`, by default today's in UTC. The new file is durable before the old ones go.

    Who is killed in between leaves messages twice, as any reader of the archive must expect; the next call removes them.
    Raises SettingsError.
    """
    if not folder.is_dir():
        raise SettingsError(f"--into {folder}: there is no such folder")
    before = (today or datetime.now(timezone.utc).date()).isoformat()
    n_before = n_after = n_again = 0
    try:
        files = Files(folder)
        files.sweep()
        for place in sorted(folder.glob("day=*/node=*")):
            paths = sorted(place.glob("*.parquet"))
            if place.parent.name[len("day=") :] >= before or len(paths) < 2:
                continue
            n_again += _one_of(files, place, paths, say)
            n_before, n_after = n_before + len(paths), n_after + len(list(place.glob("*.parquet")))
    except OSError as trouble:
        raise SettingsError(f"--into {folder}: cannot be written: {trouble.strerror}") from trouble
    say(f"{n_before} files made {n_after}, {n_again} messages that were there twice removed")


def _one_of(files: Files, place: Path, paths: Sequence[Path], say: Say) -> int:
    """How many messages were there twice."""
    tables, read = [], []
    for path in paths:
        try:
            # not read_table: it adds what it makes of the path
            tables.append(pq.ParquetFile(path).read().cast(SCHEMA))
            read.append(path)
        except (pa.ArrowInvalid, ValueError) as trouble:
            say(f"{path} cannot be read, and is left as it is: {str(trouble).splitlines()[0]}")
    if len(tables) < 2:
        return 0
    table = pa.concat_tables(tables)
    once = _each_once(table)
    files.write(place / f"compact-{uuid.uuid4().hex}.parquet", lambda file: pq.write_table(once, file, compression="zstd"))
    for path in read:
        path.unlink()
    sync_folder(place)
    return int(table.num_rows - once.num_rows)


def _each_once(table: pa.Table) -> pa.Table:
    """By boot and seq, the first that came of each."""
    ordered = table.sort_by([("boot", "ascending"), ("seq", "ascending"), ("received_at", "ascending")])
    seq = ordered["seq"].to_numpy()
    boot = pc.rank(ordered["boot"], tiebreaker="dense").to_numpy()
    is_first = np.ones(len(seq), bool)
    is_first[1:] = (seq[1:] != seq[:-1]) | (boot[1:] != boot[:-1])
    return ordered.filter(pa.array(is_first))
