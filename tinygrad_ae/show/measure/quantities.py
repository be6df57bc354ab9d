"""Quantities as people write them: few digits, and a unit that fits."""

from __future__ import annotations

from collections.abc import Sequence


def number(value: float) -> str:
    """Write a number briefly: ``4.3e-5``, ``0.12``, ``310``."""
    if 99.5 <= abs(value) < 9999.5:
        return f"{value:.0f}"
    text = f"{value:.2g}"
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else text


def data(size: float) -> str:
    """Write a number of bytes: ``98 KB``."""
    return _scaled(size, ("B", "KB", "MB", "GB", "TB"))


def count(number: float) -> str:
    """Write a large number with a prefix: ``6.4 M``."""
    return _scaled(number, ("", "k", "M", "G", "T"))


def _scaled(number: float, units: Sequence[str]) -> str:
    for unit in units[:-1]:
        if number < 999.5:
            return f"{number:.{0 if number >= 99.5 or unit == units[0] else 1}f} {unit}".replace(
                ".0 ", " "
            )
        number /= 1000
    return f"{number:.1f} {units[-1]}"


def duration(seconds: float) -> str:
    """Write a time: ``12 µs``."""
    if 0 < seconds < 0.5e-6:
        return "< 1 µs"
    return _scaled(seconds * 1e6, ("µs", "ms", "s"))
