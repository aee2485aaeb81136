"""Amounts such as ``500m`` or ``1.5Gi``, written as the real server writes them back.

Source: apimachinery's pkg/api/resource/quantity.go (ParseQuantity, CanonicalizeBytes).
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Context, Decimal, Inexact
from functools import lru_cache

_TEXT = re.compile(r"([+-]?)([0-9]+\.?[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,18})?")
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_SMALLEST = Decimal(1).scaleb(-9)
_EXACT = Context(prec=60, traps=[])
_LARGEST = Decimal(2**63 - 1)


class QuantityError(ValueError):
    """A text is no amount."""


def amount(text: str) -> Decimal:
    """The number that it stands for, as exact as the server holds it: to a nano, and up to 2^63-1.

    :raises QuantityError: it stands for none.
    """
    return _read(text)[0]


def canonical(text: str) -> str | None:
    """An amount with the largest suffix that needs no fraction; None if the text is no amount."""
    try:
        number, suffix = _read(text)
    except QuantityError:
        return None
    if suffix in _BINARY:
        return _binary(number)
    return _decimal(number) if suffix in _DECIMAL else _exponent(number)


@lru_cache(maxsize=4096)
def _read(text: str) -> tuple[Decimal, str]:
    """The number and its suffix."""
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        raise QuantityError(f"{text!r} is no amount: write one such as 500m, 2 or 1.5Gi")
    sign, digits, suffix = match.group(1), match.group(2), match.group(3) or ""
    number = Decimal(f"{sign}{digits}")
    if suffix in _BINARY:
        return _rounded(_EXACT.multiply(number, Decimal(1024 ** _BINARY[suffix]))), suffix
    if suffix in _DECIMAL:
        return _rounded(number.scaleb(_DECIMAL[suffix])), suffix
    furthest = len(digits) + 40  # beyond, it is too large or too small whatever its digits are
    return _rounded(number.scaleb(max(-furthest, min(int(suffix[1:]), furthest)))), suffix


def _rounded(value: Decimal) -> Decimal:
    """Nothing is smaller than a nano (rounded away from zero) or larger than 2^63-1."""
    context = Context(prec=60, rounding=ROUND_CEILING, traps=[])
    magnitude = context.quantize(abs(value), _SMALLEST)
    return min(magnitude, _LARGEST).copy_sign(value)


def _binary(value: Decimal) -> str:
    if abs(value) < 1024 or value != value.to_integral_value():
        return _decimal(value)
    whole, power = int(value), 0
    while whole and whole % 1024 == 0 and power < len(_BINARY):
        whole, power = whole // 1024, power + 1
    return f"{whole}{dict(zip(_BINARY.values(), _BINARY, strict=True)).get(power, '')}"


def _decimal(value: Decimal) -> str:
    whole, power = _scaled(value)
    suffixes = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
    while power > max(suffixes):
        whole, power = whole * 1000, power - 3
    return f"{whole}{suffixes[power]}"


def _exponent(value: Decimal) -> str:
    whole, power = _scaled(value)
    return f"{whole}e{power}" if power else str(whole)


def _scaled(value: Decimal) -> tuple[int, int]:
    """A whole number and a power of ten that is a multiple of three, the power as large as it can be."""
    if not value:
        return 0, 0
    power = -9
    whole = int(value.scaleb(9, context=Context(prec=60, traps=[Inexact])))
    while whole % 1000 == 0:
        whole, power = whole // 1000, power + 3
    return whole, power
