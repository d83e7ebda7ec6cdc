"""Arithmetic on samples: no files, clock, log, thread or global state; nothing of ours is imported."""
