"""The report: its figures are those of the day that was written, and of nothing else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.errors import RecordingError
from daemon.power.report import Figures, figures_of, lines_of
from daemon.power.trace import read_traces
from tests.daemon.power.traces import BEGAN, HEALTH_EVERY, THROTTLED, snapshots, written


def figures(*paths: Path) -> Figures:
    return figures_of(read_traces(paths))


def test_a_day_whose_figures_are_known(tmp_path: Path) -> None:
    """400 s at 5 W, 200 s away, 401 s at 8 W of which the last 100 are throttled; an utterance each 20 s."""
    day = [*[5.0] * 401, *[None] * 200, *[8.0] * 400]
    found = figures(written(tmp_path / "power.csv", snapshots(day, throttled=range(901, 1001))))
    assert (found.n_rows, found.n_runs, found.n_away) == (1001, 1, 1)
    assert (found.duration_s, found.measured_s) == (1001.0, 799.0)
    assert found.energy_j == pytest.approx(400 * 5.0 + 399 * 8.0)
    assert found.mean_w == pytest.approx((400 * 5.0 + 399 * 8.0) / 799.0)
    assert found.max_w == 8.0
    assert found.joules_an_hour == pytest.approx(3600.0 * (400 * 5.0 + 399 * 8.0) / 799.0)
    # whole stretches between two health messages: 400 s before, and from 610 s on
    assert found.n_utterances == 400 // 20 + (1000 // 20 - 610 // 20)
    assert found.joules_an_utterance == pytest.approx((400 * 5.0 + 390 * 8.0) / found.n_utterances)
    assert found.rails_w["VDD_CPU_GPU_CV"] == pytest.approx((0.4 * (401 * 5.0 + 400 * 8.0) / 801, 3.2))
    assert found.temperatures_c["CPU"] == pytest.approx((40.0 + (401 * 5.0 + 400 * 8.0) / 801, 48.0))
    assert found.clocks_mhz["CPU"][1] == 1420.8
    assert found.modes == {"MODE_15W_6CORE": 1.0}
    assert found.throttled_share == pytest.approx(100 / 801)
    assert found.throttling == [THROTTLED]
    assert found.latency_ms == {"inference": {"p50": 4.0, "p99": 6.0}, "utterance": {"p50": 6.5, "p99": 11.5}}


def test_it_is_said_in_lines(tmp_path: Path) -> None:
    day = [*[5.0] * 401, *[None] * 200, *[8.0] * 400]
    said = "\n".join(lines_of(figures(written(tmp_path / "power.csv", snapshots(day, throttled=range(901, 1001))))))
    for part in (
        "16 min 41 s, 1001 rows",
        "mean 6.50 W, most 8.00 W, of VDD_IN by jtop",
        "1.442 Wh in 13 min 19 s; 3 min 22 s were not measured (once away) and are not counted",
        f"12.5% of the time: {THROTTLED}",
        "utterance: p50 6.50 ms, p99 11.50 ms",
        "MODE_15W_6CORE 100%",
    ):
        assert part in said


def test_without_a_power_source_no_watt_is_made_up(tmp_path: Path) -> None:
    found = figures(written(tmp_path / "power.csv", snapshots([None] * 60, source="none")))
    assert (found.energy_j, found.mean_w, found.max_w, found.joules_an_hour) == (None, None, None, None)
    assert (found.joules_an_utterance, found.throttled_share, found.n_away) == (None, None, 0)
    assert found.cpu_percent == (25.0, 25.0)
    said = "\n".join(lines_of(found))
    assert "not measured: no power source" in said
    assert " W" not in said
    assert " J" not in said


@settings(max_examples=20)
@given(max_bytes=st.integers(3000, 60000), cut=st.integers(10, 190))
def test_cut_into_files_and_runs_it_is_the_same_day(tmp_path_factory: pytest.TempPathFactory, max_bytes: int, cut: int) -> None:
    folder = tmp_path_factory.mktemp("runs")
    day = [5.0 + (second % 7) for second in range(200)]
    later = BEGAN + timedelta(seconds=cut)
    runs = [snapshots(day[:cut]), snapshots(day[cut:], run="second00", began=later)]
    written(folder / "power.csv", *runs, max_bytes=max_bytes)
    if (folder / "power.csv.8").exists():
        return
    found = figures(*folder.iterdir())
    truth_j = sum((a + b) / 2.0 for part in (day[:cut], day[cut:]) for a, b in zip(part, part[1:]))
    assert (found.n_rows, found.n_runs, found.measured_s) == (200, 2, 198.0)
    # rows are rounded to the millijoule
    assert found.energy_j == pytest.approx(truth_j, abs=0.01)
    assert found.duration_s == 200.0
    assert (
        found.n_utterances == (cut - 1) // HEALTH_EVERY * HEALTH_EVERY // 20 + (199 - cut) // HEALTH_EVERY * HEALTH_EVERY // 20
    )


def test_a_file_that_begins_within_a_run_counts_what_it_shows(tmp_path: Path) -> None:
    found = figures(written(tmp_path / "power.csv", snapshots([6.0] * 301)[100:]))
    assert (found.energy_j, found.measured_s, found.duration_s) == (1200.0, 200.0, 200.0)


def test_one_row_has_watts_and_no_energy(tmp_path: Path) -> None:
    found = figures(written(tmp_path / "power.csv", snapshots([6.0])))
    assert (found.max_w, found.energy_j, found.joules_an_hour) == (6.0, None, None)
    assert "power        most 6.00 W, of VDD_IN by jtop" in lines_of(found)


def test_half_a_row_at_the_end_is_left_out_and_said(tmp_path: Path) -> None:
    path = written(tmp_path / "power.csv", snapshots([6.0] * 30))
    path.write_bytes(path.read_bytes()[:-20])
    trace = read_traces([path])
    assert len(trace) == 29
    assert list(trace.remarks) == [f"{path}: ends with half a row, which is left out"]


def test_rows_that_make_no_sense_are_left_out_and_said(tmp_path: Path) -> None:
    path = written(tmp_path / "power.csv", snapshots([6.0] * 30))
    lines = path.read_text().splitlines()
    lines[5], lines[9], lines[12] = "what", lines[9].replace("2026", "20x6"), lines[12] + ",more"
    path.write_text("\n".join(lines) + "\n")
    trace = read_traces([path])
    assert (len(trace), list(trace.remarks)) == (27, [f"{path}: 3 rows make no sense and are left out"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file"),
        (b"", "no table of `affectd power-log`"),
        (b"time,watts\n1,2\n", "no table of `affectd power-log`"),
        (b"at,run,elapsed_s\xff\xfe", "cannot be read: it is no text"),
        (b"at,run,elapsed_s,state\n", "no rows: has `affectd power-log` run for an interval?"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "power.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecordingError) as refused:
        read_traces([path])
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_clock_that_was_wrong_at_the_start_is_set_right_by_the_end(tmp_path: Path) -> None:
    """A board without a battery begins in the past."""
    path = written(tmp_path / "power.csv", snapshots([6.0] * 100))
    lines = path.read_text().splitlines()
    path.write_text(
        "\n".join([lines[0], *(line.replace("2026-11-27T08:00:0", "1970-01-01T00:00:0") for line in lines[1:])]) + "\n"
    )
    trace = read_traces([path])
    assert (trace.times_s[1:] - trace.times_s[:-1]) == pytest.approx(1.0)
    assert figures_of(trace).began_at == "2026-11-27T08:00:00Z"
