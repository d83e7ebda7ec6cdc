"""The settings file: read once, whole. An unknown key names the nearest right one."""

from __future__ import annotations

import difflib
import sys
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Mapping, TypeVar

from daemon.errors import SettingsError
from daemon.settings.broker import BrokerSettings
from daemon.settings.dashboard import DashboardSettings
from daemon.settings.decision import DecisionSettings
from daemon.settings.discovery import DiscoverySettings
from daemon.settings.gate import GateSettings
from daemon.settings.journal import JournalSettings
from daemon.settings.metrics import MetricsSettings
from daemon.settings.model import ModelSettings
from daemon.settings.node import NodeSettings
from daemon.settings.outbox import OutboxSettings
from daemon.settings.power import PowerSettings
from daemon.settings.seat import SeatSettings
from daemon.settings.source import SourceSettings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")


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
    journal: JournalSettings = field(default_factory=JournalSettings)
    power: PowerSettings = field(default_factory=PowerSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    dashboard: DashboardSettings = field(default_factory=DashboardSettings)
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
    "journal": JournalSettings,
    "power": PowerSettings,
    "metrics": MetricsSettings,
    "dashboard": DashboardSettings,
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
