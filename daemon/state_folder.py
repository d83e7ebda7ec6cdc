"""The folder in which the service keeps what must outlive a restart."""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path

from daemon.errors import SettingsError
from daemon.settings import Settings

logger = logging.getLogger(__name__)

DISK_TROUBLE = (errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO)
"""No mistake of an operator's: it may pass, and the service must run all the same."""


def state_folder(settings: Settings) -> Path:
    """`[node] state`, else systemd's folder, else the user's. Made for its owner alone where it is not there.

    Raises SettingsError where it can never be written to. A full, read-only or broken disk is only warned of.
    """
    folder, why = chosen(settings)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as trouble:
        if trouble.errno not in DISK_TROUBLE:
            raise SettingsError(f"{why} {folder}: cannot be made: {trouble.strerror}; {_wish(why)}") from trouble
        logger.warning("%s %s: cannot be made: %s: nothing outlives a restart for now", why, folder, trouble.strerror)
        return folder
    if not os.access(folder, os.W_OK | os.X_OK) and not os.statvfs(folder).f_flag & os.ST_RDONLY:
        raise SettingsError(f"{why} {folder}: this user may not write there; {_wish(why)}")
    return folder


def chosen(settings: Settings) -> tuple[Path, str]:
    """The folder, and what names it. Nothing is made. Raises SettingsError for a user without a home."""
    if settings.node.state:
        return Path(settings.node.state), "[node] state"
    # systemd names several folders where a unit asks for several
    by_systemd = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if by_systemd:
        return Path(by_systemd), "$STATE_DIRECTORY"
    # the desktops' rule says that a relative path is to be passed over
    by_user = os.environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(by_user):
        return Path(by_user) / "affectd", "$XDG_STATE_HOME"
    try:
        return Path.home() / ".local" / "state" / "affectd", "the state folder"
    except RuntimeError as trouble:
        raise SettingsError("this user has no home: name a folder in [node] state") from trouble


def _wish(why: str) -> str:
    return "name another" if why == "[node] state" else "name one in [node] state"
