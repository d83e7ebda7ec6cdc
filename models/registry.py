"""Model files by name, sha256 checked."""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass
from pathlib import Path

from models.errors import HashMismatch, ModelError, UnknownModel

ARTEFACTS = Path(__file__).parent / "artefacts"
SUMS = "SHA256SUMS"
DEFAULT = "affectnet"


@dataclass(frozen=True)
class Artefact:
    """A model file whose bytes were read once and checked."""

    name: str
    path: Path
    sha256: str
    content: bytes


def names(folder: Path = ARTEFACTS) -> list[str]:
    """The models that ship, in order."""
    return sorted(path.stem for path in folder.glob("*.onnx"))


def load(name_or_path: str, folder: Path = ARTEFACTS) -> Artefact:
    """The model of that name, or the file of that path (anything with a slash or ending in .onnx).

    A file that stands in the SHA256SUMS beside it must have that sum; one that ships must stand there. Raises
    UnknownModel naming the nearest right name, HashMismatch, ModelError for a file that cannot be read.
    """
    is_path = "/" in name_or_path or name_or_path.endswith(".onnx")
    path = Path(name_or_path) if is_path else folder / f"{name_or_path}.onnx"
    if not path.is_file():
        raise UnknownModel(_unknown(name_or_path, is_path, folder))
    try:
        content = path.read_bytes()
    except OSError as trouble:
        raise ModelError(f"model {path} cannot be read: {trouble.strerror}") from trouble
    sha256 = hashlib.sha256(content).hexdigest()
    expected = _sums(path.parent).get(path.name)
    if expected is None and not is_path:
        raise HashMismatch(f"model {path.name} does not stand in {path.parent / SUMS}: install affectd again")
    if expected is not None and expected != sha256:
        raise HashMismatch(
            f"model {path} has sha256 {sha256[:12]}..., {SUMS} beside it says {expected[:12]}...: "
            "the file is damaged or was exchanged; install it again, or correct the sum if you exchanged it"
        )
    return Artefact(path.stem, path, sha256, content)


def _sums(folder: Path) -> dict[str, str]:
    listing = folder / SUMS
    if not listing.is_file():
        return {}
    rows = (line.split() for line in listing.read_text().splitlines())
    return {row[1].lstrip("*"): row[0] for row in rows if len(row) == 2}


def _unknown(name: str, is_path: bool, folder: Path) -> str:
    if is_path:
        return f"model {name}: no such file"
    known = names(folder)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown model {name!r}: known are {', '.join(known) or 'none'}{hint}"
