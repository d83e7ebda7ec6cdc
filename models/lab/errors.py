"""What can go wrong in the lab, told in one line."""


class LabError(Exception):
    """Which file or setting, what is wrong with it, what to do."""
