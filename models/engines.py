"""Where TensorRT's engines are kept: one folder for each model, version and GPU, as an engine fits no other."""

from __future__ import annotations

import ctypes
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from models.errors import ModelError

STAMP = "built.json"
LIBRARIES = ("libnvinfer.so", *(f"libnvinfer.so.{major}" for major in (8, 10, 9, 11, 7)))
LONGEST_BUILD_S = 1800.0
"""What an engine may take: minutes on a Jetson, without a sign of life."""


@dataclass(frozen=True)
class EngineFolder:
    """The engine of one model on this machine."""

    path: Path

    @property
    def is_built(self) -> bool:
        """Whether it was once finished: the model was loaded with it, and answered."""
        return (self.path / STAMP).is_file()

    def begin(self) -> None:
        """Make room for a new one: what a build that was broken off has left is not to be trusted. Raises ModelError."""
        try:
            if self.path.exists():
                shutil.rmtree(self.path)
            self.path.mkdir(parents=True)
        except OSError as trouble:
            raise ModelError(
                f"no engine can be kept in {self.path}: {trouble.strerror}; name a folder in $CACHE_DIRECTORY"
            ) from trouble

    def finish(self, built_s: float) -> None:
        """It is there, and answers. Raises ModelError."""
        try:
            (self.path / STAMP).write_text(json.dumps({"built_s": round(built_s, 1)}) + "\n", encoding="utf-8")
        except OSError as trouble:
            raise ModelError(f"{self.path} cannot be written to: {trouble.strerror}") from trouble


def engine_folder(engines: Path, sha256: str, onnxruntime: str, tensorrt: str, gpu: str) -> EngineFolder:
    """The folder below `engines` of the model with that hash, for these versions and that GPU."""
    parts = (sha256[:16], f"ort{onnxruntime}", f"trt{tensorrt}", gpu)
    return EngineFolder(engines / "-".join(re.sub(r"[^A-Za-z0-9.]+", "_", part).strip("_") for part in parts))


def tensorrt_version() -> str:
    """As TensorRT's own library says it, as in 8502; `none` without the library."""
    for name in LIBRARIES:
        try:
            return str(int(ctypes.CDLL(name).getInferLibVersion()))
        except (OSError, AttributeError):
            continue
    return "none"


def gpu_name(root: Path = Path("/")) -> str:
    """The Jetson's own name, or that of the first card as its driver gives it; `unknown` without either."""
    try:
        return (root / "proc/device-tree/model").read_text(encoding="utf-8").strip("\x00 \n")
    except (OSError, UnicodeDecodeError):
        pass  # no Jetson
    for card in sorted((root / "proc/driver/nvidia/gpus").glob("*/information")):
        named = re.search(r"^Model:\s*(.+?)\s*$", card.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
        if named:
            return named.group(1)
    return "unknown"
