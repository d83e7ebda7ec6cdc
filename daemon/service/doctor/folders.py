"""What the service writes: its state, and what it need not make anew at each start."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path
from typing import Iterator

from daemon.errors import SettingsError
from daemon.service.doctor.finding import Finding, fail, note, ok
from daemon.service.doctor.place import Place
from daemon.state_folder import chosen

MB = 1 << 20
SPARE_MB = 64.0
"""Beside the outbox's own room."""


def state(place: Place) -> Iterator[Finding]:
    """Whether it may be written, and how much room there is."""
    if place.settings is None:
        yield note("state folder", "not looked at: the settings cannot be read")
        return
    kept = place.unit.get("StateDirectory", "").split()
    if place.is_installed and kept and not place.settings.node.state:
        folder = place.root / "var/lib" / kept[0]
    else:
        try:
            folder = chosen(place.settings)[0]
        except SettingsError as trouble:
            yield fail("state folder", str(trouble), "name a folder in [node] state", 2)
            return
    there = _nearest(folder)
    why = _why_not(there, place.user)
    if why:
        yield fail("state folder", f"{folder}: {why}", f"sudo chown {place.user} {there}, or name another in [node] state", 2)
    else:
        yield ok("state folder", f"{folder}{'' if there == folder else ', made at the first start'}")
    yield _room(there, place.settings.outbox.max_mb)


def kernels(place: Place) -> Iterator[Finding]:
    """The front end is compiled at the first start, a dozen seconds here, a minute on a small board; then it is kept."""
    named = place.environment("NUMBA_CACHE_DIR")
    if named:
        folder = place.root / named.lstrip("/")
        if not os.access(_nearest(folder), os.R_OK | os.X_OK):
            yield ok("kernels", f"kept compiled in {folder}, which only {place.user} may read")
            return
        n_kept = sum(1 for _ in folder.rglob("*.nbi"))
    else:
        from dsp.frontend import kernels_kept_in

        own = kernels_kept_in()
        if own is None:
            yield note("kernels", "no folder can be written: each start compiles them", "name a folder in $NUMBA_CACHE_DIR")
            return
        folder = Path(own)
        n_kept = sum(1 for _ in folder.glob("*.nbi"))
    if n_kept:
        yield ok("kernels", f"{n_kept} kept compiled in {folder}")
    else:
        yield note("kernels", f"none is kept in {folder} yet: the first start compiles them, and takes longer")


def _room(there: Path, outbox_mb: float) -> Finding:
    free_mb = shutil.disk_usage(str(there)).free / MB
    if free_mb < outbox_mb + SPARE_MB:
        do = "make room, or lower [outbox] max_mb: what does not fit is dropped, and named"
        return note("disk", f"{free_mb:.0f} MB free, the outbox alone may take {outbox_mb:g}", do)
    return ok("disk", f"{free_mb / 1024.0:.1f} GB free, the outbox takes at most {outbox_mb:g} MB")


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that there is, as far as this user can see."""
    return next(one for one in (folder, *folder.parents) if os.path.isdir(str(one)))


def _why_not(there: Path, user: str) -> str:
    """Why `user` may not write there; empty: may, or systemd makes the folder for it."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return ""
    if entry.pw_uid == os.geteuid():
        return "" if os.access(there, os.W_OK | os.X_OK) else "this user may not write there"
    owner = there.stat().st_uid
    return "" if owner in (entry.pw_uid, 0) else f"it belongs to another than {user}"
