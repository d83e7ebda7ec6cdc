"""What the start needed is given back, and only what comes back by itself."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.service import footprint
from daemon.service.footprint import let_go_of_files, untouched

ROOT = Path(__file__).parents[3]

GIVEN_BACK = """
import json, sys
from pathlib import Path
import numpy as np
from daemon import assembly
from daemon.service.footprint import let_go_of_files

def rss_kb():
    return {name: int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines()
            for name in ("RssAnon", "RssFile") if line.startswith(name + ":")}

model = assembly.open_model("tests/fixtures/small_affectnet.onnx")
frames = np.random.default_rng(0).random((32, model.contract.front_end.n_features), np.float32)
answer = lambda: model.answer([model.begin().push(frames)]).tolist()
first, before = answer(), rss_kb()
let_go_of_files()
after = rss_kb()
print(json.dumps([first == answer(), before, after, rss_kb()]))
"""


def test_the_machine_code_of_the_compiler_goes_and_the_answers_stay() -> None:
    told = subprocess.run([sys.executable, "-c", GIVEN_BACK], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    same, before, after, later = json.loads(told)
    assert same
    assert after["RssFile"] < before["RssFile"] / 2
    assert later["RssFile"] < before["RssFile"] / 2
    assert after["RssAnon"] <= before["RssAnon"] + 8000


def mapping(rights: str, anonymous_kb: int, name: str = "/usr/lib/x.so", at: int = 0x1000) -> str:
    head = f"{at:x}-{at + 0x1000:x} {rights} 00000000 fe:00 1234        {name}"
    return f"{head}\nRss: 4 kB\nAnonymous: {anonymous_kb} kB\nSwap: 0 kB\n"


@pytest.mark.parametrize(
    ("smaps", "goes"),
    [
        (mapping("r-xp", 0), [(0x1000, 0x2000)]),
        (mapping("r--p", 0, "/a folder/x y.so"), [(0x1000, 0x2000)]),
        (mapping("r--p", 4), []),  # relocated, and then made read-only
        (mapping("rw-p", 0), []),
        (mapping("rw-s", 0, "/var/lib/affectd/outbox.sqlite-shm"), []),
        (mapping("r--s", 0), []),
        (mapping("---p", 0), []),
        (mapping("r-xp", 0, "[vdso]"), []),
        (mapping("r--p", 0, ""), []),
        (
            mapping("r-xp", 0) + mapping("rw-p", 0, "", 0x2000) + mapping("r-xp", 0, at=0x3000),
            [(0x1000, 0x2000), (0x3000, 0x4000)],
        ),
        ("", []),
    ],
)
def test_only_what_lies_on_disk_as_it_is_goes(smaps: str, goes: list[tuple[int, int]]) -> None:
    assert list(untouched(smaps)) == goes


def test_in_a_real_process_nothing_that_was_written_to_goes() -> None:
    smaps = footprint.SMAPS.read_text()
    kept = {
        (int(one[1], 16), int(one[2], 16))
        for one in re.finditer(r"^([0-9a-f]+)-([0-9a-f]+) \S+ .*\n(?:[A-Z].*\n)*?Anonymous: +[1-9]", smaps, re.MULTILINE)
    }
    gone = set(untouched(smaps))
    assert len(kept) > 10
    assert len(gone) > 10
    assert not kept & gone


def test_where_the_kernel_tells_nothing_nothing_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprint, "SMAPS", tmp_path / "smaps")
    let_go_of_files()
