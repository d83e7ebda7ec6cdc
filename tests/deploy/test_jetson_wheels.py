"""The releases in deploy/jetson/ are there as wheels for the boards, and complete. Asks the package index, as pip does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, Mapping

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
JETSON = ROOT / "deploy" / "jetson"
PIN = re.compile(r"([A-Za-z0-9._-]+)==(\S+)")
ASK_S = 240.0
WITH = ("dashboard", "metrics")
"""What the installer installs besides, but for what is built from source."""


@dataclass(frozen=True)
class Board:
    """A JetPack."""

    pins: str
    python: str
    glibc: int
    """2.glibc"""

    def environment(self) -> dict[str, str]:
        """What markers of requirements are asked with."""
        return {
            "python_version": self.python,
            "python_full_version": f"{self.python}.10",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
            "platform_machine": "aarch64",
            "platform_system": "Linux",
            "sys_platform": "linux",
            "os_name": "posix",
            "extra": "",
        }

    def tags(self) -> list[str]:
        """What pip takes wheels by."""
        platforms = ["manylinux2014_aarch64", *(f"manylinux_2_{minor}_aarch64" for minor in range(17, self.glibc + 1))]
        abis = [f"cp{self.python.replace('.', '')}", "abi3", "none"]
        by_platform = [word for one in platforms for word in ("--platform", one)]
        by_abi = [word for one in abis for word in ("--abi", one)]
        return [*by_platform, *by_abi, "--implementation", "cp", "--python-version", self.python]


BOARDS = [Board("jetpack5.txt", "3.8", 31), Board("jetpack6.txt", "3.10", 35), Board("jetpack6.txt", "3.12", 39)]


def pins(board: Board, section: str) -> dict[str, str]:
    """By name, those below the heading."""
    text = (JETSON / board.pins).read_text()
    part = text[text.index(f"# {section}") :].split("\n\n")[0]
    found = PIN.findall("\n".join(line for line in part.splitlines() if not line.startswith("#")))
    return {canonicalize_name(name): version for name, version in found}


@pytest.fixture(scope="module", params=BOARDS, ids=lambda board: f"{board.pins}-{board.python}")
def board(request: pytest.FixtureRequest) -> Board:
    one: Board = request.param
    return one


@pytest.fixture(scope="module")
def resolutions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[Board, Resolution]]:
    """All asked for at once: each waits for the index most of the time."""
    asked = {one: Resolution(one, tmp_path_factory.mktemp("wheels")) for one in BOARDS}
    yield asked
    for one in asked.values():
        one.end()


class Resolution:
    """pip, which finds what it would install on a board."""

    def __init__(self, board: Board, folder: Path) -> None:
        self._board = board
        self._report = folder / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--no-deps", "--quiet"]
        command += ["--only-binary=:all:", "--disable-pip-version-check", "--no-input", "--report", str(self._report)]
        command += ["--target", str(folder / "target"), *board.tags()]
        command += [f"{name}=={version}" for name, version in pins(board, "as wheels").items()]
        self._pip = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def metadata(self) -> dict[str, Any]:
        """Of each wheel, by name."""
        said = self._pip.communicate(timeout=ASK_S)[1]
        if self._pip.returncode:
            errors = " ".join(line for line in said.splitlines() if line.startswith("ERROR")) or said
            where = f"{self._board.pins} under Python {self._board.python}"
            pytest.fail(f"no wheels for {where} (is the package index reachable?): {errors}", pytrace=False)
        found = json.loads(self._report.read_text())["install"]
        return {canonicalize_name(one["metadata"]["name"]): one["metadata"] for one in found}

    def end(self) -> None:
        """Whatever it does."""
        self._pip.kill()
        self._pip.wait()


@pytest.fixture(scope="module")
def metadata(board: Board, resolutions: Mapping[Board, Resolution]) -> dict[str, Any]:
    """Of each wheel that pip would install on the board, by name."""
    return resolutions[board].metadata()


def dependencies(extra: str) -> list[str]:
    """Those of affectd itself: pyproject.toml's, as its own text has them."""
    text = (ROOT / "pyproject.toml").read_text()
    start = "dependencies = [" if not extra else f"{extra} = ["
    return re.findall(r'"((?:[^"\\]|\\.)+)"', text[text.index(f"\n{start}") :].split("]\n")[0] + "]")


def lacking(requirements: list[str], board: Board, known: dict[str, str]) -> Iterator[str]:
    """Requirements that hold on the board and that no pin fulfils."""
    for text in requirements:
        one = Requirement(text)
        if one.marker is None or one.marker.evaluate(board.environment()):
            version = known.get(canonicalize_name(one.name))
            if version is None or not SpecifierSet(str(one.specifier), prereleases=True).contains(version):
                yield text


def test_every_release_is_there_as_a_wheel_for_the_board(board: Board, metadata: dict[str, Any]) -> None:
    assert {name: one["version"] for name, one in metadata.items()} == pins(board, "as wheels")


def test_the_releases_are_all_that_is_needed(board: Board, metadata: dict[str, Any]) -> None:
    known = pins(board, "as wheels")
    ours = [text for extra in ("", *WITH) for text in dependencies(extra)]
    assert list(lacking(ours, board, known)) == []
    for name, one in metadata.items():
        needs = [text for text in one.get("requires_dist", []) if "extra ==" not in text]
        assert list(lacking(needs, board, known)) == [], name


def test_each_release_runs_on_the_board_s_python(board: Board, metadata: dict[str, Any]) -> None:
    for name, one in metadata.items():
        assert SpecifierSet(one.get("requires_python", "")).contains(f"{board.python}.10"), name


def test_what_is_built_from_source_is_named_with_its_system_packages(board: Board) -> None:
    known = pins(board, "from source")
    assert set(known) == {"pyaudio", "systemd-python"}
    assert list(lacking([*dependencies("mic"), *dependencies("systemd")], board, known)) == []
    heading = next(line for line in (JETSON / board.pins).read_text().splitlines() if line.startswith("# from source"))
    assert {"portaudio19-dev", "libsystemd-dev", "pkg-config", "gcc"} <= set(heading.split())


def test_the_installer_takes_them_on_such_a_machine_and_on_no_other(board: Board) -> None:
    for machine, pins_file in (("aarch64", str(JETSON / board.pins)), ("x86_64", "")):
        script = f"uname() {{ echo {machine}; }}; here={ROOT}/deploy; . $here/install.d/version.sh; constraints {board.python}"
        said = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        assert said.strip() == (f"--constraint={pins_file}" if pins_file else "")


def test_a_missing_release_is_found(board: Board) -> None:
    known = pins(board, "as wheels")
    assert list(lacking(["numpy>=99", "nowhere", 'elsewhere; sys_platform == "win32"'], board, known)) == [
        "numpy>=99",
        "nowhere",
    ]
