"""The power and latency logger, a process of its own: what the machine draws, beside how fast the service answers."""
