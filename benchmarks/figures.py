"""The rows of the page of all results: of each benchmark what was asked, what was found, and what was wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Mapping

from benchmarks.archive import EFFICIENCY_AIM
from benchmarks.delivery import FIRST_AIM_S, LAST_AIM_S
from benchmarks.drawing import told
from benchmarks.endtoend import TOTAL
from benchmarks.endtoend import WANTED as WAY
from benchmarks.lines import Goal
from benchmarks.outbox import ACKNOWLEDGED, BATCHED_AIM, SINGLY, SINGLY_AIM
from benchmarks.scaling import OF, UNITS
from benchmarks.spread import NAMES
from benchmarks.startup import COLD, MEMORY, WARM
from benchmarks.stream import WANTED as CORE
from benchmarks.streams import WANTED as MICROPHONES

Figures = Mapping[str, Any]
PAPER_1 = "paper 1, table 4: 57 ms (desktop), 48 ms (Jetson)"


@dataclass(frozen=True)
class Row:
    """One question."""

    question: str
    found: str
    beside: str = ""
    """A paper's figure, or another's, of the same."""
    wanted: str = ""
    aim: str = ""
    reached: str = ""


def _judged(question: str, found: str, value: float, goal: Goal, unit: str, beside: str = "") -> Row:
    sign = {"<=": "at most", ">=": "at least"}[goal.relation]
    aim = "" if goal.aim is None else f"{goal.aim:g} {unit}"
    return Row(question, found, beside, f"{sign} {goal.must:g} {unit}", aim, goal.reached(value))


def _aimed(value: float, aim: float) -> str:
    """Where nothing but an aim is wanted."""
    return "aim" if value >= aim else "MISSED"


def _spread(of: Mapping[str, float], unit: str) -> str:
    """All of NAMES."""
    values = ", ".join(f"{name} {told(of[name])}" for name in NAMES if name in of and name != "count")
    return f"{values} {unit}, n {of['count']:,}" if values else f"{unit}: none"


def _of_lines(figures: Figures) -> list[Row]:
    rows = []
    for line in figures["lines"]:
        ms = {
            "p50": line["p50_us"],
            "p90": line["p90_us"],
            "p99": line["p99_us"],
            "max": line["max_us"],
            "count": line["count"],
        }
        value = "" if line["value"] is None or line["unit"] == "ms" else f"; {line['value']:.3g} {line['unit']}"
        of = {name: each / 1e3 if name != "count" else each for name, each in ms.items()}
        question = f"{line['question']}: {line['side']}"
        rows.append(Row(question, _spread(of, "ms") + value, "", line["must"], line["aim"], line["reached"]))
    return rows


def _utterance(figures: Figures) -> list[Row]:
    return [
        Row(row.question, row.found, "" if "librosa" in row.question else PAPER_1, row.wanted, row.aim, row.reached)
        for row in _of_lines(figures)
    ]


def _stream(figures: Figures) -> list[Row]:
    rows = []
    for name, goal in CORE.items():
        percent, costs = figures[f"{name}_percent_of_a_core"], figures["costs_us"][name]
        block = _spread(costs["a block"], "us a block")
        question = f"share of a core, somebody speaks {name.replace('_', ' ')}"
        rows.append(_judged(question, f"{percent:g} %; {block}", percent, goal, "%"))
    return rows


def _streams(figures: Figures) -> list[Row]:
    rows = []
    for name, tries in figures["tries"].items():
        carried = figures[f"{name}_microphones"]
        there = next((one for one in tries if one["seats"] == carried and not one["late"]), None)
        late = f"; {_spread(there['message_ms'], 'ms a message')}" if there else ""
        live = figures.get("in_real_time", {}).get(name)
        if live:
            share = f"{live['percent_of_a_core']:g} % of the core, {_spread(live['utterance_ms'], 'ms an utterance')}"
            late += f"; in real time {live['seats']} recordings: {share}"
        question = f"microphones on one core, no message {figures['late_ms']:g} ms late, somebody speaks {name}"
        rows.append(_judged(question, f"{carried}{late}", carried, MICROPHONES, ""))
    best = max(figures["batching"], key=lambda one: float(one["times"]))
    found = f"{best['times']:.2f} times cheaper, {best['batch']} utterances in a run"
    return [*rows, Row("the network asked for several utterances in one run, beside one by one, at best", found)]


def _endtoend(figures: Figures) -> list[Row]:
    ms = dict(figures["ms"])
    total = ms.pop(TOTAL)
    stages = ", ".join(f"{stage.replace('_', ' ')} {told(of['p50'])} / {told(of['p99'])}" for stage, of in ms.items())
    question = "last voiced sample to subscriber, beyond the hang-over, p99"
    return [_judged(question, f"{_spread(total, 'ms')}; by stage, p50 / p99: {stages}", total["p99"], WAY, "ms")]


def _outbox(figures: Figures) -> list[Row]:
    rows = []
    for name, aim in (("singly", SINGLY_AIM), ("batched", BATCHED_AIM)):
        found = figures[f"commits_a_second_{name}"]
        spread = f"; {_spread(figures['ms'][SINGLY], 'ms')}" if name == "singly" else ""
        disk = f"the disk alone: {figures['fdatasync_a_second']}" if name == "singly" else ""
        rows.append(Row(f"commits a second, {name}", f"{found:,}{spread}", disk, "", f"{aim:g}", _aimed(found, aim)))
    acknowledged = _spread(figures["ms"][ACKNOWLEDGED], "ms from commit to acknowledgement")
    rows.append(Row("deliveries a second, of what waits", f"{figures['deliveries_a_second']:,}; one by one {acknowledged}"))
    written = f"{figures['written_bytes_an_event']:,} bytes, {figures['written_mb_an_hour']} MB an hour at one a second"
    return [*rows, Row(f"written to disk for an event of {figures['event_bytes']} bytes", written)]


def _startup(figures: Figures) -> list[Row]:
    rows = []
    for kind, goal in (("warm", WARM), ("cold", COLD)):
        if f"{kind}_s_p50" in figures:
            of = {name: figures[f"{kind}_s_{name}"] for name in NAMES if name != "count"}
            found = _spread({**of, "count": figures[f"{kind}_count"]}, "s")
            rows.append(_judged(f"process start to READY, {kind}", found, of["p50"], goal, "s"))
    rss = figures["warm_rss_mb_at_rest"]
    return [*rows, _judged("memory at rest", f"{rss:g} MB", rss, MEMORY, "MB")]


def _soak(figures: Figures) -> list[Row]:
    growth = f"{figures['rss_growth_percent']} % more memory than after an hour, {figures['descriptors']} descriptors, drift "
    lost = f"{figures['drift_samples_max']} samples, {figures['sound_lost_s']} s of sound lost, "
    messages = f"{figures['messages_received']:,} of {figures['messages_committed']:,} messages received"
    late = f"; {_spread(figures['latency_ms'], 'ms behind')}"
    reached = "MISSED" if "MISSED" in figures["aims"] else "yes"
    question = f"{figures['hours']} h of sound at {figures['speed_asked']:g} times real time"
    return [Row(question, growth + lost + messages + late, "", "flat", "", reached)]


def _gpu(figures: Figures) -> list[Row]:
    return [
        Row(
            f"{name}, {figures['gpu']}, {figures['by']}",
            f"one: {_spread(one['one_ms'], 'ms')}; 1,000: {_spread(one['many_ms'], 'ms')}: {one['streams']:,} streams",
            "",
            "",
            f"{figures['aim_streams']:,} streams",
            "aim" if one["aim"] else "MISSED",
        )
        for name, one in figures["sides"].items()
    ]


def _device(figures: Figures) -> list[Row]:
    rows = []
    for mode, found in figures["modes"].items():
        for name in figures["sha256"]:
            one = found[name]
            joules = "nothing measures power"
            if one["joules_an_utterance"] is not None:
                joules = f"{one['joules_an_utterance']:g} J, {one['joules_an_utterance_above_idle']:g} J above rest"
            took = f"{_spread(one['ms'], 'ms')}; {joules}"
            right = "" if "recognised_percent" not in one else f"; {one['recognised_percent']:g} % recognised"
            same = "" if "same_label_as_desktop" not in one else f", as the desktop {one['same_label_as_desktop']}"
            beside = f"{PAPER_1}; table 5: 81.6 % (desktop), 79.2 % (Jetson)"
            rows.append(Row(f"{name}, power mode {mode}", took + right + same, beside))
    return rows


def _scaling(figures: Figures) -> list[Row]:
    rows = []
    for part, points in figures["parts"].items():
        x, y = UNITS[part]
        ends = [f"{told(point['y'])} at {told(point['x'])}" for point in (points[0], points[-1])]
        rows.append(Row(f"{y}, by {x}", f"{' to '.join(ends)}; {_spread(points[-1]['us'], f'us, {OF[part]}, at the last')}"))
    return rows


def _dashboard(figures: Figures) -> list[Row]:
    paint, empty = figures["first_paint_ms /"], figures["first_paint_ms /nowhere"]
    share = f"{figures['server_percent_of_a_core_one_page']:g} % of a core"
    return [
        Row("the page's first text on the screen", _spread(paint, "ms"), f"a page of one sentence: p50 {empty['p50']:g} ms"),
        Row("the page's server, while one watches", share),
    ]


def _delivery(figures: Figures) -> list[Row]:
    rows = []
    for name in [name[: -len("_first_s")] for name in figures if name.endswith("_first_s")]:
        first, last = (_spread(figures[f"{name}_{which}_s"], "s") for which in ("first", "last"))
        reached = "MISSED" if "MISSED" in figures[f"{name}_aims"] else "aim"
        question = f"{figures['queued']:,} queued events, broker {name.replace('_', ' ')}"
        rows.append(Row(question, f"first: {first}; all: {last}", "", "", f"{FIRST_AIM_S:g} s; {LAST_AIM_S:g} s", reached))
    return rows


def _fleet(figures: Figures) -> list[Row]:
    rows = []
    for broker in figures["100,000 cabins"]:
        one = figures[broker]
        calm = (
            f"calm {one['events_a_second_calm']:g} events a second, p50 {one['calm_p50_ms']:g}, p99 {one['calm_p99_ms']:g} ms"
        )
        burst = f"a burst {one['events_a_second_burst']:,}; {one['memory_kb_a_cabin']:g} kB of the broker a cabin"
        waits = ", ".join(f"{what} {one[f'{what}_recovered_after_s']:g} s" for what in ("killed", "parted"))
        lost = one["lost"] + one["lost_by_the_broker_after_its_puback"]
        counts = f"{one['received']:,} of {one['committed']:,} events received, {lost} lost"
        wrong = lost or one["not_delivered"] or one["faults"]
        question = f"{figures['cabins']:,} cabins before {broker}"
        found = f"{calm}; {burst}; until no event is late, a node {waits}; {counts}"
        rows.append(Row(question, found, "", "0 lost", "", "MISSED" if wrong else "yes"))
    return rows


def _archive(figures: Figures) -> list[Row]:
    rate = f"{figures['recordings_a_second_a_core']:g}, {figures['hours_of_sound_a_second_a_core']:g} h of sound"
    by_clock, by_work = figures["by_the_clock_2_workers_beside_twice_1"], figures["by_work_on_the_cores_2_workers"]
    worker_mb = figures["worker_mb_by_tenth_of_the_time"]
    wrong = figures["recordings_lost"] + figures["recordings_twice"]
    aim = f"{EFFICIENCY_AIM:g}"
    return [
        Row("recordings a second a core", rate),
        Row("two workers beside twice one, by the clock", f"{by_clock:g}", "", "", aim, _aimed(by_clock, EFFICIENCY_AIM)),
        Row("the work without Dask beside that of two workers", f"{by_work:g}", "", "", aim, _aimed(by_work, EFFICIENCY_AIM)),
        Row(f"a worker's memory over {figures['many']:,} recordings", f"{worker_mb[0]:g} to {worker_mb[-1]:g} MB", "", "flat"),
        Row("lost or judged twice with a worker killed half-way", f"{wrong}", "", "0", "", "MISSED" if wrong else "yes"),
    ]


def plain(figures: Figures) -> list[Row]:
    """A name and a value a row, of a benchmark whose rows are not written out here."""
    scalars = {name: value for name, value in figures.items() if isinstance(value, (str, int, float)) and name != "sha256"}
    return [Row(name.replace("_", " "), str(value)) for name, value in scalars.items()]


ROWS: Mapping[str, Callable[[Figures], list[Row]]] = {
    "utterance": _utterance,
    "stream": _stream,
    "streams": _streams,
    "endtoend": _endtoend,
    "outbox": _outbox,
    "startup": _startup,
    "soak": _soak,
    "gpu": _gpu,
    "device": _device,
    "scaling": _scaling,
    "frontend": _of_lines,
    "fft": _of_lines,
    "affectnet": _of_lines,
    "dashboard": _dashboard,
    "delivery": _delivery,
    "fleet": _fleet,
    "archive": _archive,
}
