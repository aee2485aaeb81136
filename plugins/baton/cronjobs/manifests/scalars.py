"""What a YAML document is to Kubernetes, which PyYAML takes for something else now and then.

To Kubernetes' reader ``y`` is a truth value, ``1e3`` and ``08`` are numbers; ``2024-01-31``, ``22:22``, ``=`` and a
number that is too large for its kind (``123e4567``, like a commit) are texts. A merge key counts where it stands: what
it brings wins over the keys above it, and loses to those below. Tags that nobody knows mean nothing.

Source: sigs.k8s.io/yaml, whose go.yaml.in/yaml/v2 reads YAML 1.1 with these exceptions, and what its way over JSON
makes of keys and of numbers without a fraction.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import struct
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import yaml

_TAG = "tag:yaml.org,2002:"
_BOOL, _INT, _FLOAT, _NULL, _MERGE, _STR, _TIME, _BINARY = (
    f"{_TAG}{name}" for name in ("bool", "int", "float", "null", "merge", "str", "timestamp", "binary")
)
_PLAIN = f"{_TAG}plain"
"""Of a scalar without tag and quotes, until somebody asks for its value."""
_TRUE = ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")
_FALSE = ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(_TRUE, True),
    **dict.fromkeys(_FALSE, False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_MAY_BE_NUMBER = frozenset("+-.0123456789")
_WHOLE = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))")
_FRACTION = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9].*)?")
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1
_WRITTEN_OUT = 1e21
"""From here on JSON writes a number with an exponent, and no whole number is read from it."""
_RESOLVERS = [
    (_BOOL, re.compile(f"^(?:{'|'.join((*_TRUE, *_FALSE))})$")),
    (_INT, re.compile(r"^[-+]?(?:0b[0-1_]+|0o?[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$")),
    (_FLOAT, re.compile(r"^[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?$")),
    (_FLOAT, re.compile(r"^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$")),
    (_NULL, re.compile(r"^(?:~|null|Null|NULL|)$")),
    (_MERGE, re.compile(r"^<<$")),
]


def plain_value(text: str) -> Any:
    """What stands there without quotes and tag: truth value, number, None, or the text itself."""
    value = _plain(text)
    if isinstance(value, float) and value.is_integer() and abs(value) < _WRITTEN_OUT:
        return int(Decimal(repr(value)))
    return value


def _plain(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _MAY_BE_NUMBER:
        return text
    number = _number(text)
    return text if number is None else number


def _number(text: str) -> int | float | None:
    digits = text if text[0] == "." else text.replace("_", "")
    if (found := _WHOLE.fullmatch(digits)) is not None:
        sign, *groups = found.groups()
        base, magnitude = next((base, each) for base, each in zip((16, 2, 8, 10), groups, strict=True) if each)
        whole = int(sign + magnitude, base)
        if _SMALLEST <= whole <= _LARGEST:
            return whole
    if _FRACTION.fullmatch(digits) is None or math.isinf(number := float(digits)):
        return None
    return number


def _key_text(value: Any) -> str:
    """A key without quotes as the text that JSON has for it: ``on`` is ``true``, ``0x10`` is ``16``."""
    if isinstance(value, bool | int):
        return json.dumps(value)
    return _shortest(value) if isinstance(value, float) else str(value)


def _shortest(number: float) -> str:
    """As few digits as a number of 32 bits needs; from a million on with an exponent."""
    try:
        single = struct.pack("f", number)
    except OverflowError:
        single = struct.pack("f", math.copysign(math.inf, number))
    if not math.isfinite(struct.unpack("f", single)[0]):
        return ".nan" if math.isnan(number) else ".inf" if number > 0 else "-.inf"
    text = next(text for digits in range(17) if struct.pack("f", float(text := f"{number:.{digits}e}")) == single)
    return text if not -4 <= int(text.partition("e")[2]) < 6 else f"{Decimal(text):f}"


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Makes plain values of nodes. Keys are texts, a key given twice is refused.

    Why not PyYAML's constructor: it puts all merged keys before a mapping's own, and takes three times as long.
    """

    def resolve(self, kind: type[yaml.Node], value: str | None, implicit: tuple[bool, bool] | bool) -> str:
        return _PLAIN if kind is yaml.ScalarNode and isinstance(implicit, tuple) and implicit[0] else _STR

    def construct_document(self, node: yaml.Node) -> Any:
        return self.value(node)

    @classmethod
    def value(cls, node: yaml.Node) -> Any:
        """What a node stands for."""
        if isinstance(node, yaml.ScalarNode):
            return cls._scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return [cls.value(item) for item in node.value]
        return cls._mapping(node)

    @classmethod
    def _mapping(cls, node: yaml.Node) -> dict[str, Any]:
        made: dict[str, Any] = {}
        seen = set[str]()
        for key, value in node.value:
            if is_merge(key):
                for merged in merged_mappings(value):
                    made.update(cls._mapping(merged))
                continue
            name = cls.key(key)
            if name in seen:
                raise yaml.MarkedYAMLError(problem=f"key {name} is given twice", problem_mark=key.start_mark)
            seen.add(name)
            made[name] = cls.value(value)
        return made

    @classmethod
    def key(cls, node: yaml.Node) -> str:
        """A key as a text.

        :raises yaml.MarkedYAMLError: it is a list, a mapping, or empty.
        """
        if not isinstance(node, yaml.ScalarNode):
            raise yaml.MarkedYAMLError(problem="found unhashable key", problem_mark=node.start_mark)
        if node.tag == _STR:
            return str(node.value)
        value = _plain(node.value) if node.tag == _PLAIN else _tagged(node)
        if value is None:
            raise yaml.MarkedYAMLError(problem="a key is empty", problem_mark=node.start_mark)
        return _key_text(value)

    @classmethod
    def _scalar(cls, node: yaml.ScalarNode) -> Any:
        if node.tag == _STR:
            return node.value
        return plain_value(node.value) if node.tag == _PLAIN else _tagged(node)


def is_merge(key: yaml.Node) -> bool:
    """Whether a key merges another mapping."""
    return isinstance(key, yaml.ScalarNode) and key.value == "<<" and key.tag in (_PLAIN, _MERGE)


def merged_mappings(node: yaml.Node) -> Iterator[yaml.MappingNode]:
    """The mappings that a merge key brings, in the order in which they are laid over one another.

    :raises yaml.MarkedYAMLError: it is something else.
    """
    for each in reversed(node.value) if isinstance(node, yaml.SequenceNode) else [node]:
        if not isinstance(each, yaml.MappingNode):
            raise yaml.MarkedYAMLError(problem="<< needs a mapping, or a list of them", problem_mark=each.start_mark)
        yield each


def _tagged(node: yaml.ScalarNode) -> Any:
    """What stands behind a tag."""
    text, tag = str(node.value), node.tag
    if tag == _BINARY:
        try:
            return base64.b64decode("".join(text.splitlines()), validate=True).decode("utf-8", "replace")
        except binascii.Error as err:
            raise yaml.MarkedYAMLError(problem="!!binary is no base64", problem_mark=node.start_mark) from err
    if tag == _TIME and _TIMESTAMP.fullmatch(text):
        return text
    kinds: dict[str, tuple[type, ...]] = {
        _TIME: (),
        _BOOL: (bool,),
        _INT: (int,),
        _FLOAT: (int, float),
        _NULL: (type(None),),
    }
    if tag not in kinds:
        return text
    value = plain_value(text)
    if not isinstance(value, kinds[tag]) or (isinstance(value, bool) and tag != _BOOL):
        problem = f"{text!r} is no {tag.removeprefix(_TAG)}"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
    return value


class TextLoader(Loader):
    """For Baton's own files, in which whatever is not empty is a text: a chain may be called `n`, an item `2026`."""

    @classmethod
    def key(cls, node: yaml.Node) -> str:
        return str(node.value) if isinstance(node, yaml.ScalarNode) else super().key(node)

    @classmethod
    def _scalar(cls, node: yaml.ScalarNode) -> Any:
        return None if node.tag == _PLAIN and node.value in ("", "~", "null", "Null", "NULL") else node.value


class Dumper(yaml.SafeDumper):
    """Puts into quotes what either reader would take for something else than a text."""


for _tag, _pattern in _RESOLVERS:
    Dumper.add_implicit_resolver(_tag, _pattern, None)
