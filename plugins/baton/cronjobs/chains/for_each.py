"""One CronJob's template for each item of a `for_each`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from baton.cronjobs.templates.source import FileSource, JobTemplate

_MAX_SLUG_LENGTH = 20
LAST = "done"
"""The last part of the name of the task that waits for all items."""


def slug_of(item: str) -> str:
    """An item as a part of the names of tasks and Jobs."""
    return re.sub(r"[^a-z0-9]+", "-", item.lower()).strip("-")[:_MAX_SLUG_LENGTH].strip("-") or "item"


@dataclass(frozen=True, slots=True)
class ItemSource:
    """A template whose containers get one more environment variable.

    Why a variable: it is the one thing that a template can be given without knowing its command line; a manifest uses
    it there as `$(ITEM)`.

    :param variable: it replaces one of the same name.
    """

    template: FileSource
    variable: str
    value: str

    @property
    def slug(self) -> str:
        """The item as a part of names."""
        return slug_of(self.value)

    def read(self) -> JobTemplate:
        """Return the template; Jobs are named after CronJob and item.

        :raises SourceError: as `FileSource.read`.
        """
        template = self.template.read()
        pod = template.spec["template"]
        changed = {**pod["spec"]}
        for group in ("initContainers", "containers"):
            if pod["spec"].get(group):
                changed[group] = [self._with_variable(container) for container in pod["spec"][group]]
        spec = {**template.spec, "template": {**pod, "spec": changed}}
        return replace(template, name=f"{template.name}-{self.slug}", spec=spec)

    def _with_variable(self, container: dict[str, Any]) -> dict[str, Any]:
        others = [each for each in container.get("env") or [] if each.get("name") != self.variable]
        return {**container, "env": [{"name": self.variable, "value": self.value}, *others]}
