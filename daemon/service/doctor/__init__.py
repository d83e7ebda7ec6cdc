"""What works on this machine, and what to do about the rest: one file a part of it, each check by itself."""
