"""What every test needs."""

from __future__ import annotations

from hypothesis import settings

# how long an example takes is the machine's affair: the first compiles kernels, and another program may have the cores
settings.register_profile("affectd", deadline=None)
settings.load_profile("affectd")
