"""Where a Job's template comes from: a manifest file, a CronJob in the cluster, or a named template of this project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml

from baton.cronjobs.manifests.scalars import Loader
from baton.exceptions import PermanentError
from baton.settings import settings
from plain_yaml import check

Object = dict[str, Any]

_KINDS = ("CronJob", "Job")


def templates_folder() -> Path:
    """The folder of named templates."""
    return settings().job_templates or settings().data("manifests", "job_templates")


class SourceError(PermanentError):
    """The template is not where its source says, or is no template."""


@dataclass(frozen=True, slots=True)
class JobTemplate:
    """What a Job is made of.

    :param name: the CronJob's name (or the Job's): Jobs are named after it.
    :param namespace: as the document says, None if it does not.
    :param metadata: `labels` and `annotations` of the Job.
    :param spec: the Job's spec, as it was written.
    :param time_zone: the CronJob's, None if it has none.
    :param owner: the reference to the CronJob in the cluster, None if it was not read from there.
    """

    name: str
    namespace: str | None
    metadata: Object
    spec: Object
    time_zone: str | None = None
    owner: Object | None = None


@dataclass(frozen=True, slots=True)
class FileSource:
    """A CronJob or Job in a manifest file, which may hold several documents and Lists.

    :param path: the file; read by the worker when the task starts.
    :param name: its `metadata.name`.
    :param namespace: its `metadata.namespace`, where the file has the name twice; None takes the first.
    """

    TYPE: ClassVar[str] = "file"
    path: str
    name: str
    namespace: str | None = None

    def read(self) -> JobTemplate:
        """Return the template.

        :raises SourceError: no such file, no YAML, no such document, or no template in it.
        """
        for document in _job_documents(Path(self.path)):
            metadata = document.get("metadata") or {}
            if metadata.get("name") == self.name and self.namespace in (None, metadata.get("namespace")):
                return template_of(document, f"{self.path}: {document['kind']} {self.name}")
        where = f" in namespace {self.namespace}" if self.namespace else ""
        raise SourceError(f"{self.path} holds no CronJob or Job named {self.name!r}{where}")


@dataclass(frozen=True, slots=True)
class LiveSource:
    """A CronJob in the cluster, read when the task starts."""

    TYPE: ClassVar[str] = "live"
    name: str
    namespace: str


@dataclass(frozen=True, slots=True)
class NamedSource:
    """A job template of this project: the first CronJob or Job in `include/manifests/job_templates/NAME.yaml`."""

    TYPE: ClassVar[str] = "named"
    name: str

    def read(self) -> JobTemplate:
        """Return the template.

        :raises SourceError: as `FileSource.read`.
        """
        path = templates_folder() / f"{self.name}.yaml"
        document = next(_job_documents(path), None)
        if document is None:
            raise SourceError(f"{path} holds no CronJob and no Job")
        return template_of(document, str(path), default_name=self.name)


Source = FileSource | LiveSource | NamedSource
_SOURCES: dict[str, type[Source]] = {each.TYPE: each for each in (FileSource, LiveSource, NamedSource)}


def serialize_source(source: Source) -> Object:
    """Return a source as plain JSON; `deserialize_source` reads it."""
    return {"type": source.TYPE, **asdict(source)}


def deserialize_source(data: Mapping[str, Any]) -> Source:
    """Return the source that `serialize_source` wrote."""
    fields = dict(data)
    return _SOURCES[fields.pop("type")](**fields)


def template_of(
    document: Mapping[str, Any], where: str, *, default_name: str = "", is_live: bool = False
) -> JobTemplate:
    """Return the template in a CronJob or Job.

    :param where: what an error calls the document.
    :param default_name: for a document without a name.
    :param is_live: it is what the cluster has now. A file may hold a uid too, of a CronJob that was deleted long ago:
        the cluster would remove what that one owns.
    :raises SourceError: a part that a Job needs is missing.
    """
    metadata = document.get("metadata") or {}
    name = metadata.get("name") or default_name
    spec = document.get("spec") or {}
    if document["kind"] == "CronJob":
        template, path = spec.get("jobTemplate") or {}, "spec.jobTemplate.spec"
    else:
        template, path = {"metadata": metadata, "spec": spec}, "spec"
    if not name:
        raise SourceError(f"{where}: metadata.name is missing")
    if not template.get("spec"):
        raise SourceError(f"{where}: {path} is missing")
    given = template.get("metadata") or {}
    kept = {key: dict(given[key]) for key in ("labels", "annotations") if given.get(key)}
    owner = _owner(document) if is_live and document["kind"] == "CronJob" else None
    return JobTemplate(name, metadata.get("namespace"), kept, template["spec"], spec.get("timeZone"), owner)


def _owner(cron_job: Mapping[str, Any]) -> Object:
    """The controller's reference but for `blockOwnerDeletion`, which some clusters allow to the controller only."""
    metadata = cron_job["metadata"]
    kind = {"apiVersion": "batch/v1", "kind": "CronJob"}
    return {**kind, "name": metadata["name"], "uid": metadata["uid"], "controller": True}


def _job_documents(path: Path) -> Iterator[Object]:
    """Yield the CronJobs and Jobs of a file, also those inside Lists."""
    try:
        text = path.read_text(encoding="utf-8")
        check(text)
        documents = list(yaml.load_all(text, Loader=Loader))
    except OSError as err:
        raise SourceError(f"{path} cannot be read: {err.strerror}") from err
    except yaml.YAMLError as err:
        raise SourceError(f"{path} is no YAML: {err}") from err
    except (ValueError, LookupError, AttributeError, TypeError) as err:  # of tags: !!int text; of bytes: no UTF-8
        raise SourceError(f"{path} cannot be read: {' '.join(str(err).split())}") from err
    while documents:
        document = documents.pop(0)
        if not isinstance(document, dict):
            continue
        if document.get("kind") in _KINDS:
            yield document
        elif str(document.get("kind", "")).endswith("List"):
            documents[:0] = _items(document)


def _items(of_list: Object) -> list[Any]:
    """A typed list's items need not say their kind."""
    kind = of_list["kind"].removesuffix("List")
    return [{"kind": kind, **item} if isinstance(item, dict) else item for item in of_list.get("items") or []]
