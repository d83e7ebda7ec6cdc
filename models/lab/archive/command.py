"""The arguments of `affectd-lab score`, and what it says."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from models.lab.errors import LabError
from models.registry import DEFAULT

SUMMARY = "judge an archive of recordings, on this machine or many, into one Parquet file"
SCHEDULER = "tcp://HOST:PORT"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is judged, by what, where, and where the result goes."""
    parser.add_argument("source", type=Path, metavar="DIR|LIST", help="a folder, or a text file with a path a line")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the result, such as results.parquet")
    parser.add_argument("--model", default=DEFAULT, metavar="NAME|FILE", help=f"default: {DEFAULT}")
    parser.add_argument(
        "--workers", type=_whole, metavar="N", help="processes; 0: this one, without Dask (default: a core each)"
    )
    add_scheduler(parser)


def add_scheduler(parser: argparse.ArgumentParser) -> None:
    """`--scheduler`."""
    parser.add_argument("--scheduler", metavar=SCHEDULER, help="of a Dask cluster: its workers do the work instead")


def _whole(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r}: want a whole number, 0 or more")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """0 when there is a row for every recording, whatever is in it. Raises LabError."""
    from models.lab.archive.listing import listed
    from models.lab.archive.score import Where, score

    if options.scheduler and options.workers is not None:
        raise LabError("--workers and --scheduler: want one of them; a scheduler has the workers that were started for it")
    listing = listed(options.source)
    if listing.n_twice:
        print(f"affectd-lab: {listing.n_twice} lines name a recording again: it is judged once", file=sys.stderr)
    n_workers = len(os.sched_getaffinity(0)) if options.workers is None else options.workers
    began_s = time.monotonic()
    done = score(listing, options.out, options.model, Where(n_workers, options.scheduler))
    if not done.n_now:
        print(f"{options.out}: {done.n_all} recordings, all judged before")
        return 0
    before = f", {done.n_all - done.n_now} of them before" if done.n_now < done.n_all else ""
    print(
        f"{options.out}: {done.n_all} recordings{before}; {done.n_bad} could not be judged, the column error says why; "
        f"{done.seconds / 3600:.2f} h of sound in {time.monotonic() - began_s:.0f} s"
    )
    return 0
