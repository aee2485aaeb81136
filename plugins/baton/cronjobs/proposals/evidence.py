"""What two CronJobs have in common that lets one suspect that the second waits for the first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from baton.cronjobs.manifests.cronjob import CronJob

_BUCKET = re.compile(r"\b(?:s3[an]?|gs|gcs|az|abfss?|wasbs?|oss|hdfs)://[^/\s\"'`,;)}]+", re.IGNORECASE)
_WORD = re.compile(r"[a-z0-9]+")
_STAGES = (
    ("extract", "export", "fetch", "download", "dump", "pull", "collect", "scrape", "ingest", "snapshot", "backup"),
    ("transform", "convert", "clean", "anonymize", "anonymise", "mask", "prepare", "aggregate", "process", "compute"),
    ("load", "import", "upload", "push", "restore", "index"),
    ("validate", "verify", "check", "test"),
    ("report", "publish", "notify", "send", "mail", "email", "refresh", "summary"),
    ("cleanup", "purge", "prune", "delete", "vacuum", "archive", "rotate"),
)
_RANK = {word: rank for rank, words in enumerate(_STAGES) for word in words}
_NO_SUBJECT = frozenset(
    "job jobs cron cronjob task run runner daily nightly weekly monthly hourly night day the and to from for of "
    "prod production dev staging test all data db v1 v2 k8s".split()
)
_COMMON_IMAGES = frozenset(
    "alpine bash busybox curl debian kubectl node perl php postgres mysql python redis ruby ubuntu aws-cli".split()
)


@dataclass(frozen=True)
class Traces:
    """What can be compared of a CronJob."""

    cronjob: CronJob

    @cached_property
    def stage(self) -> int | None:
        """Which step of the usual ones its name tells."""
        return next((_RANK[word] for word in self._words if word in _RANK), None)

    @cached_property
    def subjects(self) -> frozenset[str]:
        """The words of its name that say what it works on."""
        return frozenset(word for word in self._words if word not in _RANK and word not in _NO_SUBJECT)

    @cached_property
    def buckets(self) -> frozenset[str]:
        """Storage addresses, up to the bucket, in commands, arguments and variables."""
        return frozenset(found.lower() for text in _texts(self.cronjob.pod_spec) for found in _BUCKET.findall(text))

    @cached_property
    def volumes(self) -> frozenset[str]:
        """Volumes that outlive a pod."""
        found = set()
        for volume in self.cronjob.pod_spec.get("volumes") or []:
            if claim := (volume.get("persistentVolumeClaim") or {}).get("claimName"):
                found.add(f"{self.cronjob.manifest.namespace or ''}/{claim}".lstrip("/"))
            if nfs := volume.get("nfs"):
                found.add(f"nfs {nfs.get('server')}:{nfs.get('path')}")
        return frozenset(found)

    @cached_property
    def images(self) -> frozenset[str]:
        """Images without tag, those of everybody left out."""
        names = {re.sub(r"(@.*|:[^/:]*)$", "", image) for image in self.cronjob.images}
        return frozenset(name for name in names if name.rpartition("/")[2] not in _COMMON_IMAGES)

    @cached_property
    def references(self) -> frozenset[str]:
        """Secrets and ConfigMaps that its containers get variables from."""
        return frozenset(_references(self.cronjob.pod_spec))

    @cached_property
    def addresses(self) -> frozenset[tuple[str, str]]:
        """Variables that hold an address."""
        containers = self.cronjob.pod_spec.get("containers") or []
        variables = [each for container in containers for each in container.get("env") or []]
        return frozenset(
            (each["name"], each["value"])
            for each in variables
            if "://" in (each.get("value") or "") or each["name"].endswith(("_HOST", "_BUCKET", "_TOPIC", "_QUEUE"))
            if each.get("value")
        )

    @cached_property
    def _words(self) -> list[str]:
        return _WORD.findall(self.cronjob.name.lower())


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing in common.

    :param weight: two and more together are worth a proposal.
    """

    kind: str
    text: str
    weight: int


def reasons(first: Traces, then: Traces) -> list[Reason]:
    """What the two have in common; nothing where their names say the opposite order."""
    if first.stage is not None and then.stage is not None and first.stage > then.stage:
        return []
    return list(_reasons(first, then))


def _reasons(first: Traces, then: Traces) -> Iterator[Reason]:
    if shared := first.subjects & then.subjects:
        yield Reason("names", f"both names say {_listed(shared)}", 1)
    if first.stage is not None and then.stage is not None and first.stage < then.stage:
        about_others = bool(first.subjects and then.subjects) and not first.subjects & then.subjects
        text = f"{first.cronjob.name} comes before {then.cronjob.name} by what they are called"
        yield Reason("names", text, 1 if about_others else 2)
    if shared := first.buckets & then.buckets:
        yield Reason("bucket", f"both use {_listed(shared)}", 3)
    if shared := first.volumes & then.volumes:
        yield Reason("volume", f"both mount {_listed(shared)}", 3)
    if shared := first.images & then.images:
        yield Reason("image", f"both run {_listed(shared)}", 1)
    if shared := first.references & then.references:
        yield Reason("environment", f"both take variables from {_listed(shared)}", 1)
    if shared := frozenset(name for name, _ in first.addresses & then.addresses):  # values may be nobody's business
        yield Reason("environment", f"both have the same {_listed(shared)}", 1)


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _references(pod: dict[str, Any]) -> Iterator[str]:
    for container in pod.get("containers") or []:
        for source in container.get("envFrom") or []:
            for kind, word in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
                if name := (source.get(kind) or {}).get("name"):
                    yield f"{word} {name}"
        for variable in container.get("env") or []:
            source = variable.get("valueFrom") or {}
            for kind, word in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
                if name := (source.get(kind) or {}).get("name"):
                    yield f"{word} {name}"
