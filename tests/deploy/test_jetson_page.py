"""The page for the Jetson names only what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from daemon.__main__ import COMMANDS, main
from daemon.settings import from_table, load
from models.providers import WISHES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "deploy" / "jetson" / "README.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)


def test_every_command_of_affectd_is_one() -> None:
    named = {found for block in BLOCKS for found in re.findall(r"\baffectd ([a-z][a-z-]+)", block)}
    assert {"devices", "doctor"} <= named <= set(COMMANDS)


def test_every_option_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["doctor", "--help"])
    known = capsys.readouterr().out + (ROOT / "deploy" / "install.sh").read_text()
    lines = [line for block in BLOCKS for line in block.splitlines() if "affectd doctor" in line or "install.sh" in line]
    options = {option for line in lines for option in re.findall(r" (--[a-z-]+)", line)}
    assert "--build-engine" in options
    assert "--wheels" in options
    assert [option for option in options if option not in known] == []


def test_every_file_is_there() -> None:
    for link in re.findall(r"\]\(([^)]+)\)", TEXT):
        assert (PAGE.parent / link).exists()
    for place in set(re.findall(r"\bdeploy/[\w./-]+", TEXT)):
        assert (ROOT / place).exists(), place


def test_the_settings_are_good(tmp_path: Path) -> None:
    file = tmp_path / "affectd.toml"
    (text,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    file.write_text(text)
    assert [one.name for one in load(file).source] == ["driver"]
    for provider in re.findall(r'provider = "(\w+)"', TEXT):
        assert provider in WISHES
        assert from_table({"model": {"provider": provider}}).model.provider == provider


def test_the_system_packages_are_those_of_the_releases_built_from_source() -> None:
    heading = next(line for line in (PAGE.parent / "jetpack5.txt").read_text().splitlines() if line.startswith("# from source"))
    wanted = heading.split("apt install ")[1].split()
    assert [package for package in wanted if package not in " ".join(BLOCKS)] == []
