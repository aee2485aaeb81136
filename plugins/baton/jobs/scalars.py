"""What a value without quotes is in a job file: YAML 1.2, as editors with the JSON schema read it.

Why not as in manifests: Kubernetes takes `n`, `on` and `y` for truth values, and a column may be called `n`.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

import yaml

from baton.cronjobs.manifests.scalars import Loader

_TAG = "tag:yaml.org,2002:"


class JobLoader(Loader):
    """Truth values are `true` and `false`, numbers are decimal; a key is a text, and given once."""

    yaml_implicit_resolvers: ClassVar[dict[str | None, Any]] = {
        None: [
            (f"{_TAG}bool", re.compile("^(?:true|True|TRUE|false|False|FALSE)$")),
            (f"{_TAG}null", re.compile("^(?:~|null|Null|NULL|)$")),
            (f"{_TAG}int", re.compile("^[-+]?(?:0|[1-9][0-9]*)$")),
            (f"{_TAG}float", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,2})?$")),
        ]
    }

    def _key(self, node: yaml.ScalarNode) -> str:
        return str(node.value)
