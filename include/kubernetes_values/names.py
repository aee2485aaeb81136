"""The forms of names and keys.

Source: apimachinery's pkg/util/validation/validation.go and pkg/api/validation/objectmeta.go.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"

LARGEST_ANNOTATIONS_BYTES = 256 * 1024
MAX_CRONJOB_NAME_LENGTH = 52
"""A Job's name adds a hyphen and ten digits, and a label takes 63."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a text has to look.

    :param pattern: of the whole text, as the server's messages show it.
    :param longest: in characters.
    """

    pattern: str
    longest: int

    def is_shaped(self, text: str) -> bool:
        """Whether it has the right characters, however long it is."""
        return re.fullmatch(self.pattern, text) is not None

    def fits(self, text: str) -> bool:
        """Whether it has the right characters, and no more than are allowed."""
        return len(text) <= self.longest and self.is_shaped(text)


SUBDOMAIN = Form(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", 253)
"""Names of most objects, and what stands before the ``/`` in a key."""
LABEL = Form(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", 63)
"""Names of containers, volumes and namespaces."""
QUALIFIED = Form(_QUALIFIED, 63)
"""The key of a label or an annotation, behind its ``/`` if it has one. An annotation's is looked at in lower case."""
LABEL_VALUE = Form(f"({_QUALIFIED})?", 63)
CONFIG_KEY = Form(r"[-._a-zA-Z0-9]+", 253)
"""A key of a Secret or ConfigMap; ``.``, ``..`` and what begins with ``..`` are refused besides."""
VARIABLE = Form(r"[ -<>-~]+", sys.maxsize)
"""An environment variable: printable ASCII other than ``=``, since Kubernetes 1.34; of any length."""
PORT_NAME = Form(r"(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*", 15)


def annotations_bytes(annotations: Mapping[str, Any]) -> int:
    """How much they are together."""
    return sum(len(key.encode()) + len(str(value or "").encode()) for key, value in annotations.items())
