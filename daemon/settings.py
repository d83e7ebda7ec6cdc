"""The settings: frozen sections, read once in `__main__`. An unknown key names the nearest right one."""

from __future__ import annotations

import difflib
import re
import sys
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Mapping, TypeVar

from daemon.errors import SettingsError
from daemon.settings_broker import BrokerSettings as BrokerSettings
from daemon.settings_outbox import OutboxSettings as OutboxSettings
from daemon.wish import want as _want
from models.contract import Contract
from models.registry import DEFAULT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")
TOPIC_LEVEL = re.compile(r"[A-Za-z0-9_-]{1,64}")
TOPIC = re.compile(r"[^+#\s/]+(/[^+#\s/]+)*")


@dataclass(frozen=True)
class NodeSettings:
    """This machine."""

    name: str = "cabin"
    """Second level of every topic: letters, digits, - and _."""
    state: str = ""
    """The folder of what outlives a restart; empty: $STATE_DIRECTORY (systemd's), else ~/.local/state/affectd."""

    def __post_init__(self) -> None:
        _want(bool(TOPIC_LEVEL.fullmatch(self.name)), "name", self.name, "1 to 64 letters, digits, - or _")


@dataclass(frozen=True)
class ModelSettings:
    """What judges the speech."""

    name: str = DEFAULT
    """A model that ships (`affectd models`), or the path of an .onnx file."""
    stride_ms: float = 0.0
    """Between two windows while somebody speaks; 0: as the model's scores were measured. Whole frames of the model."""

    def __post_init__(self) -> None:
        _want(0.0 <= self.stride_ms <= 10000.0, "stride_ms", self.stride_ms, "0 to 10000")


@dataclass(frozen=True)
class DiscoverySettings:
    """Home Assistant finds the device by itself."""

    enabled: bool = True
    """false: it is told once after each start that there is no such device, and forgets it."""
    prefix: str = "homeassistant"
    """Home Assistant's own setting of that name."""
    status_topic: str = "homeassistant/status"
    """Where Home Assistant says `online`: its birth message."""

    def __post_init__(self) -> None:
        _want(bool(TOPIC.fullmatch(self.prefix)), "prefix", self.prefix, "a topic without +, # and spaces")
        _want(bool(TOPIC.fullmatch(self.status_topic)), "status_topic", self.status_topic, "a topic without +, # and spaces")


@dataclass(frozen=True)
class SourceSettings:
    """One microphone, or a recording in its place."""

    name: str = "cabin"
    """Third level of its topics: the seat."""
    device: str = ""
    """Name, part of the name, or card id, as `affectd devices` shows them; never an index."""
    recording: str = ""
    """A file that is played once, in real time, instead of a device."""

    def __post_init__(self) -> None:
        _want(bool(TOPIC_LEVEL.fullmatch(self.name)), "name", self.name, "1 to 64 letters, digits, - or _")
        if bool(self.device) == bool(self.recording):
            raise SettingsError(f"source {self.name!r} needs either a device (see `affectd devices`) or a recording")
        if self.device.isdigit():
            raise SettingsError(
                f"device is {self.device!r}, an index: these move when a device is plugged in; "
                "take a name or a card id from `affectd devices`"
            )


@dataclass(frozen=True)
class GateSettings:
    """What counts as speech."""

    aggressiveness: int = 2
    """WebRTC's detector: 0 lets most through, 3 least."""
    onset_ms: float = 120.0
    """Speech begins when a share of this stretch is voiced ..."""
    onset_share: float = 0.6
    """... of at least so much."""
    pre_roll_ms: float = 120.0
    """Kept from before the first voiced frame ..."""
    post_roll_ms: float = 120.0
    """... and from after the last one. Chosen, as the onset's share, on speakers of RAVDESS in a cabin's noise: with less more
    of the mood is lost at the ends, with 200 more noise comes along than is won."""
    range_db: float = 40.0
    """What is so much fainter than the loudest voice of an utterance is not part of it."""
    hang_over_ms: float = 800.0
    """Speech ends after this long without voice: the pauses within a sentence are shorter."""
    longest_utterance_s: float = 20.0
    speech_only: bool = True
    """Noise, beeps and music that the detector takes for voice say nothing; false: they are judged as speech is. Only for
    models that know of functionals (`stream`): the others cannot tell."""

    def __post_init__(self) -> None:
        _want(self.aggressiveness in (0, 1, 2, 3), "aggressiveness", self.aggressiveness, "0, 1, 2 or 3")
        _want(20.0 <= self.onset_ms <= 1000.0, "onset_ms", self.onset_ms, "20 to 1000")
        _want(0.0 < self.onset_share <= 1.0, "onset_share", self.onset_share, "above 0, at most 1")
        _want(1.0 <= self.pre_roll_ms <= 1000.0, "pre_roll_ms", self.pre_roll_ms, "1 to 1000")
        _want(10.0 <= self.range_db <= 96.0, "range_db", self.range_db, "10 to 96")
        _want(100.0 <= self.hang_over_ms <= 5000.0, "hang_over_ms", self.hang_over_ms, "100 to 5000")
        _want(0.0 <= self.post_roll_ms <= self.hang_over_ms, "post_roll_ms", self.post_roll_ms, "0 to hang_over_ms")
        _want(2.0 <= self.longest_utterance_s <= 300.0, "longest_utterance_s", self.longest_utterance_s, "2 to 300")


@dataclass(frozen=True)
class DecisionSettings:
    """From probabilities to something worth publishing."""

    min_confidence: float = 0.0
    """Below it the label is `uncertain`; 0: what the model asks for, which its card justifies."""
    smoothing_s: float = 5.0
    """Time constant of the mood's probabilities, counted in speech."""
    margin: float = 0.1
    """A new mood must lead the old one by this probability ..."""
    patience: int = 2
    """... in so many windows running."""
    forget_after_s: float = 60.0
    """Without speech for so long, the mood is `uncertain` again."""
    episode_after_s: float = 3.0
    """A mood that has lasted so long is an episode."""
    episode_update_s: float = 10.0
    state_every_s: float = 10.0
    """The retained state is sent anew at least so often."""

    def __post_init__(self) -> None:
        _want(0.0 <= self.min_confidence < 1.0, "min_confidence", self.min_confidence, "0 to below 1")
        _want(0.0 <= self.margin < 1.0, "margin", self.margin, "0 to below 1")
        _want(self.patience >= 1, "patience", self.patience, "at least 1")
        for name in ("smoothing_s", "forget_after_s", "episode_after_s", "episode_update_s", "state_every_s"):
            _want(0.0 < getattr(self, name) <= 86400.0, name, getattr(self, name), "above 0, at most a day")

    def with_model(self, contract: Contract) -> DecisionSettings:
        """With what is left to the model taken from it."""
        return self if self.min_confidence else replace(self, min_confidence=contract.min_confidence)


@dataclass(frozen=True)
class SeatSettings:
    """Getting to know who sits there: numbers, never sound. Only models that know of speakers (`stream`) make use of it."""

    adapt: bool = True
    """What a seat has heard of its speaker goes into what is said next; false: each utterance stands alone."""
    forget_after_s: float = 1800.0
    """Without speech for so long, what is known is forgotten: somebody else may sit there."""
    forget_topic: str = ""
    """An MQTT topic, the ignition's say: whatever is published there, unless it was retained before, means that somebody else
    may sit there now, and all seats forget. Empty: there is none."""
    keep: str = ""
    """A file in which what is known outlives a restart; empty: it is kept in memory alone."""

    def __post_init__(self) -> None:
        topic = self.forget_topic
        _want(len(topic.encode()) <= 65535 and "\0" not in topic, "forget_topic", topic, "a topic of MQTT")
        levels = topic.split("/")
        right = all(level in ("+", "#") or not set(level) & {"+", "#"} for level in levels) and "#" not in levels[:-1]
        _want(right, "forget_topic", topic, "+ and # only as whole levels, # only as the last")
        _want(0.0 < self.forget_after_s <= 86400.0, "forget_after_s", self.forget_after_s, "above 0, at most a day")


@dataclass(frozen=True)
class Settings:
    """Everything that an operator decides."""

    node: NodeSettings = field(default_factory=NodeSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    broker: BrokerSettings = field(default_factory=BrokerSettings)
    outbox: OutboxSettings = field(default_factory=OutboxSettings)
    discovery: DiscoverySettings = field(default_factory=DiscoverySettings)
    gate: GateSettings = field(default_factory=GateSettings)
    decision: DecisionSettings = field(default_factory=DecisionSettings)
    seat: SeatSettings = field(default_factory=SeatSettings)
    source: tuple[SourceSettings, ...] = ()

    def __post_init__(self) -> None:
        seats = [source.name for source in self.source]
        double = sorted({name for name in seats if seats.count(name) > 1})
        if double:
            raise SettingsError(f"two sources are called {double[0]!r}: their topics would collide")

    def as_dict(self) -> dict[str, Any]:
        """All settings, the defaults included."""
        return asdict(self)


GONE = {"capacity": "the outbox lies on disk now, and its room is [outbox] max_mb"}
"""Keys that older files have, and what is there in their place."""
SECTIONS: Mapping[str, type[Any]] = {
    "node": NodeSettings,
    "model": ModelSettings,
    "broker": BrokerSettings,
    "outbox": OutboxSettings,
    "discovery": DiscoverySettings,
    "gate": GateSettings,
    "decision": DecisionSettings,
    "seat": SeatSettings,
}


def load(path: Path) -> Settings:
    """The settings of a TOML file. Raises SettingsError: file, key, what to do."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as trouble:
        raise SettingsError(f"{path}: no such file") from trouble
    except OSError as trouble:
        raise SettingsError(f"{path}: cannot be read: {trouble.strerror}") from trouble
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as trouble:
        raise SettingsError(f"{path}: not TOML: {trouble}") from trouble
    try:
        return from_table(table)
    except SettingsError as trouble:
        raise SettingsError(f"{path}: {trouble}") from trouble


def from_table(table: Mapping[str, Any]) -> Settings:
    """The settings of a parsed TOML file. Raises SettingsError."""
    _refuse_unknown(table, [*SECTIONS, "source"], "section")
    sections = {name: _section(cls, table.get(name, {}), f"[{name}]") for name, cls in SECTIONS.items()}
    sources = table.get("source", [])
    if not isinstance(sources, list):
        raise SettingsError("source is one table: write [[source]] with two brackets, one for each seat")
    return Settings(**sections, source=tuple(_section(SourceSettings, one, "[[source]]") for one in sources))


def _section(cls: type[T], table: Any, where: str) -> T:
    if not isinstance(table, dict):
        raise SettingsError(f"{where} is {table!r}: want a table")
    defaults = {one.name: one.default for one in fields(cls)}  # type: ignore[arg-type]
    try:
        _refuse_unknown(table, list(defaults), "key")
        return cls(**{name: _typed(name, value, defaults[name]) for name, value in table.items()})
    except SettingsError as trouble:
        raise SettingsError(f"{where} {trouble}") from trouble


def _refuse_unknown(table: Mapping[str, Any], known: list[str], what: str) -> None:
    for name in table:
        if name not in known:
            if name in GONE:
                raise SettingsError(f"{what} {name!r} is no more: {GONE[name]}")
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise SettingsError(f"unknown {what} {name!r}; {hint}")


def _typed(name: str, value: Any, default: Any) -> Any:
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not type(default):
        raise SettingsError(f"{name} is {value!r}: want {'a number' if isinstance(default, float) else type(default).__name__}")
    return value
