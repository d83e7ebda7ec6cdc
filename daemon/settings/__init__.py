"""The settings: frozen sections, one a file, read once by the command that runs. A section documents each of its keys."""

from daemon.settings.broker import BrokerSettings as BrokerSettings
from daemon.settings.dashboard import DashboardSettings as DashboardSettings
from daemon.settings.decision import DecisionSettings as DecisionSettings
from daemon.settings.discovery import DiscoverySettings as DiscoverySettings
from daemon.settings.file import SECTIONS as SECTIONS
from daemon.settings.file import Settings as Settings
from daemon.settings.file import from_table as from_table
from daemon.settings.file import load as load
from daemon.settings.gate import GateSettings as GateSettings
from daemon.settings.journal import JournalSettings as JournalSettings
from daemon.settings.metrics import MetricsSettings as MetricsSettings
from daemon.settings.model import ModelSettings as ModelSettings
from daemon.settings.node import TOPIC_LEVEL as TOPIC_LEVEL
from daemon.settings.node import NodeSettings as NodeSettings
from daemon.settings.outbox import OutboxSettings as OutboxSettings
from daemon.settings.power import PowerSettings as PowerSettings
from daemon.settings.seat import SeatSettings as SeatSettings
from daemon.settings.source import SourceSettings as SourceSettings
