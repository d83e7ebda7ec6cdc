"""Features kept on disk between runs, by what they were computed from. Sound itself is not kept."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
from pathlib import Path
from typing import Any, Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from models.lab.errors import LabError

_SEAL_BYTES = 32


def cache_folder() -> Path:
    """The variable AFFECTD_CACHE, else `build/lab/features` in the working directory."""
    return Path(os.environ.get("AFFECTD_CACHE") or Path("build", "lab", "features"))


class FeatureCache:
    """One .npy file an array in `folder`, which is made when first needed. Safe for several processes at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.n_found = 0
        self.n_computed = 0

    def features(self, recording: Path, parameters: Mapping[str, Any], compute: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """The array that `compute` makes of the recording with these parameters, read-only: kept, or computed and kept.

        `parameters`: all that the array depends on but for the recording, ready for JSON; the recording counts by its content,
        wherever it lies. What is damaged or not ours is computed again. Raises LabError when the recording cannot be read, and
        when the array cannot be written; nothing half-written is left then.
        """
        key = key_of(recording, parameters)
        path = self.folder / key[:2] / f"{key}.npy"
        kept = _read(path, key)
        if kept is None:
            self.n_computed += 1
            kept = np.array(compute(), order="C")
            _write(path, key, kept)
        else:
            self.n_found += 1
        kept.flags.writeable = False
        return kept


def key_of(recording: Path, parameters: Mapping[str, Any]) -> str:
    """The name of an array: hexadecimal, of the recording's content and the parameters in any order."""
    try:
        content = hashlib.sha256(recording.read_bytes()).hexdigest()
    except OSError as trouble:
        raise LabError(f"{recording}: cannot be read ({trouble.strerror})") from trouble
    values = json.dumps({"recording": content, "parameters": parameters}, sort_keys=True, allow_nan=False)
    return hashlib.sha256(values.encode()).hexdigest()


def _seal(key: str, array_bytes: bytes) -> bytes:
    # follows the array in its file, where NumPy does not look: an array under another's name is noticed, too
    return hashlib.sha256(key.encode() + array_bytes).digest()


def _read(path: Path, key: str) -> NDArray[Any] | None:
    """None for a file that is not there, damaged, or of another."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    array_bytes, seal = content[:-_SEAL_BYTES], content[-_SEAL_BYTES:]
    if seal != _seal(key, array_bytes):
        return None
    array: NDArray[Any] = np.load(io.BytesIO(array_bytes), allow_pickle=False)
    return array


def _write(path: Path, key: str, array: NDArray[Any]) -> None:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    partial = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".partial-", delete=False) as file:
            partial = Path(file.name)
            file.write(buffer.getvalue() + _seal(key, buffer.getvalue()))
        os.replace(partial, path)
    except BaseException as trouble:  # Ctrl-C included: what is half-written goes
        if partial is not None:
            partial.unlink(missing_ok=True)
        if not isinstance(trouble, OSError):
            raise
        raise LabError(
            f"{path}: cannot be written ({trouble.strerror}): make room, or set AFFECTD_CACHE to a folder that has some"
        ) from trouble
