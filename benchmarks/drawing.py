"""What all pictures have in common."""

from __future__ import annotations

from typing import Any

# Okabe and Ito's colours, which the colour-blind can tell apart
SERIES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#999999")
OURS, OTHER, MUST, AIM = "#0072B2", "#E69F00", "#D55E00", "#009E73"


def pyplot() -> Any:
    """matplotlib's, drawing into files alone."""
    try:
        import matplotlib
    except ImportError:
        raise SystemExit("--plot needs matplotlib: type `pip install 'affectd[plot]'`, or leave --plot away") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot as found

    return found


def told(value: float) -> str:
    """Three figures, and no powers of ten."""
    return f"{value:,.0f}" if abs(value) >= 100.0 else f"{value:.3g}"
