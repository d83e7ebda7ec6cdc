"""What can go wrong, named for the trouble. `__main__` turns each into one line and an exit code."""

from __future__ import annotations

EXIT_MODEL = 5
"""For a `ModelError`: `models` knows of no exit codes."""


class AffectdError(Exception):
    """One line for a tired person: what, where, what to do."""

    exit_code = 1


class SettingsError(AffectdError):
    """A setting or an argument that cannot be right."""

    exit_code = 2


class RecordingError(AffectdError):
    """A recording that cannot be judged."""

    exit_code = 2


class DeviceError(AffectdError):
    """A microphone that is not there, or not to be had."""

    exit_code = 3


class BrokerError(AffectdError):
    """A broker that can never answer as things are."""

    exit_code = 4
