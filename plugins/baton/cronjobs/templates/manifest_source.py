"""The template of a CronJob in a manifest, read the way it was checked when its DAG was made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from baton.cronjobs.manifests.files import read_manifests
from baton.cronjobs.templates.source import FileSource, JobTemplate, SourceError, template_of


@dataclass(frozen=True, slots=True)
class ManifestSource(FileSource):
    """As `FileSource`, with the YAML of `manifests_yaml`.

    Why: a document beside it that is no YAML does not matter, and `22:22` in an argument stays a text.
    """

    def read(self) -> JobTemplate:
        """Return the template.

        :raises SourceError: it is not there any more.
        """
        found = read_manifests([Path(self.path)])
        for manifest in found.manifests:
            if manifest.name == self.name and self.namespace in (None, manifest.namespace):
                return template_of({"kind": "CronJob", **manifest.content}, f"{self.path}: CronJob {self.name}")
        problems = "".join(f"; {problem}" for problem in found.problems)
        raise SourceError(f"{self.path} holds no CronJob named {self.name!r}{problems}")
