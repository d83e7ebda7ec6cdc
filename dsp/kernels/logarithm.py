"""The logarithm of a vector of lanes."""

from __future__ import annotations

from typing import Any

from dsp.kernels.lanes import BITS, VECTOR, bits, call, constant, instruction, lanes_type, operation


@instruction
def log(_typing: Any, a: Any) -> Any:
    """Natural logarithm of positive, normal values, within 1e-6 or 1e-7 of it, whichever is more.

    The exponent is split off so that the rest is within a factor of sqrt(2) of 1; there, the polynomial of Cephes' `logf`
    (S. Moshier).
    """
    return operation(lanes_type, [a], _log)


def _log(builder: Any, x: Any) -> Any:
    one, root_half = 0x3F800000, 0x3F3504F3
    shifted = builder.add(builder.bitcast(x, BITS), bits(one - root_half))
    exponent = builder.sitofp(builder.sub(builder.lshr(shifted, bits(23)), bits(127)), VECTOR)
    fraction = builder.add(builder.and_(shifted, bits(0x007FFFFF)), bits(root_half))
    f = builder.fsub(builder.bitcast(fraction, VECTOR), constant(1.0))
    tail = constant(_LOG_TERMS[0])
    for term in _LOG_TERMS[1:]:
        tail = call(builder, "fma", tail, f, constant(term))
    square = builder.fmul(f, f)
    tail = builder.fmul(builder.fmul(tail, f), square)
    # ln 2 in two parts, so that exponent * ln 2 loses no digits
    tail = call(builder, "fma", exponent, constant(-2.12194440e-4), tail)
    tail = call(builder, "fma", square, constant(-0.5), tail)
    return call(builder, "fma", exponent, constant(0.693359375), builder.fadd(f, tail))


_LOG_TERMS = (
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
    2.0000714765e-1,
    -2.4999993993e-1,
    3.3333331174e-1,
)
