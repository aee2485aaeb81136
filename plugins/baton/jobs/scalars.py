"""What a value without quotes is in a job file: YAML 1.2, as editors with the JSON schema read it.

Why not as in manifests: Kubernetes takes `n`, `on` and `y` for truth values, and a column may be called `n`.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from baton.cronjobs.manifests.scalars import Loader

_PLAIN = "tag:yaml.org,2002:plain"
"""What `Loader` calls a scalar without tag and quotes."""
_WORDS = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
}
_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,99})")
_FRACTION = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,2})?")


class JobLoader(Loader):
    """Truth values are `true` and `false`, numbers are decimal, dates are texts; a key is a text, and given once."""

    @classmethod
    def key(cls, node: yaml.Node) -> str:
        """A key as it stands there."""
        return str(node.value) if isinstance(node, yaml.ScalarNode) else super().key(node)

    @classmethod
    def _scalar(cls, node: yaml.ScalarNode) -> Any:
        if node.tag != _PLAIN:
            return super()._scalar(node)
        text = str(node.value)
        if text in _WORDS:
            return _WORDS[text]
        if _WHOLE.fullmatch(text):
            return int(text)
        return float(text) if _FRACTION.fullmatch(text) else text
