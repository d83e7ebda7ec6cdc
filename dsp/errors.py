"""What can be wrong with the arguments of this package."""


class ParamError(ValueError):
    """A signal parameter that makes no sense, alone or beside the others."""


class ShapeError(ValueError):
    """An array of the wrong shape or dtype; nothing is reshaped to fit."""


class SampleError(ValueError):
    """A sample that is no sound: not a number, infinite, or far beyond full scale."""
