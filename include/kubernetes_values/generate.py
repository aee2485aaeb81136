"""Make ``fields.txt`` from the Go sources that publish the API's types (run by hand for a new Kubernetes release).

``python -m kubernetes_values.generate DIRECTORY`` reads checkouts (of one release) of ``api``,
``apimachinery`` and ``apiextensions-apiserver``, found below DIRECTORY, and prints the table. Only facts are taken:
names, numbers, types and merge keys; no comment's text. The format is described in ``fields.py``.

Source: https://github.com/kubernetes/api (types.go of each group; the numbers are those of generated.proto).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

RELEASE = "v0.36.2"
_PACKAGES = {
    "core": "api/core/v1",
    "batch": "api/batch/v1",
    "apps": "api/apps/v1",
    "autoscaling": "api/autoscaling/v1",
    "policy": "api/policy/v1",
    "events": "api/events/v1",
    "authentication": "api/authentication/v1",
    "authorization": "api/authorization/v1",
    "rbac": "api/rbac/v1",
    "meta": "apimachinery/pkg/apis/meta/v1",
    "apiextensions": "apiextensions-apiserver/pkg/apis/apiextensions/v1",
}
_ROOTS = (
    "core.Pod core.PodTemplate core.Secret core.ConfigMap core.Namespace core.ServiceAccount core.Event core.Node "
    "core.Binding core.PersistentVolumeClaim batch.Job batch.CronJob apps.Deployment apps.ReplicaSet autoscaling.Scale "
    "policy.Eviction events.Event authentication.SelfSubjectReview authorization.SelfSubjectAccessReview "
    "authorization.SelfSubjectRulesReview authorization.SubjectAccessReview authentication.TokenReview "
    "authentication.TokenRequest rbac.Role rbac.ClusterRole rbac.RoleBinding rbac.ClusterRoleBinding "
    "meta.DeleteOptions meta.Status meta.PartialObjectMetadata "
    "apiextensions.CustomResourceDefinition"
).split()
# Types with a form of their own in JSON; fields.py and local_kubernetes.protobuf know them by these names.
_SPECIAL = {
    "meta.Time": "Time",
    "meta.MicroTime": "MicroTime",
    "meta.Duration": "Duration",
    "meta.FieldsV1": "Any",
    "resource.Quantity": "Quantity",
    "intstr.IntOrString": "IntOrString",
    "runtime.RawExtension": "RawExtension",
    "apiextensions.JSONSchemaProps": "Any",
    "types.UID": "string",
    "types.NodeName": "string",
    "byte": "byte",
    "int": "int64",
}
_SCALARS = frozenset({"string", "bool", "int32", "int64", "float64", "byte", "uint32", *_SPECIAL.values()})
_IMPORTS = {"v1": "core", "metav1": "meta", "corev1": "core", "batchv1": "batch"}
_FIELD = re.compile(r"^\t(?:(?P<name>\w+) +)?(?P<type>[\w.*\[\]]+)\s+`(?P<tags>[^`]*)`")
_MARK = re.compile(r"^\t// \+(listType|listMapKey|structType|mapType)=(\w+)")
_ALIAS = re.compile(r"^type (\w+) ((?:map\[\w+\]|\[\])?[\w.]+)$")


@dataclass(slots=True)
class Source:
    """What the packages declare.

    :param structs: the lines of each message, by ``package.Name``.
    :param aliases: what a named scalar, list or map stands for.
    """

    structs: dict[str, list[str]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)

    def read(self, package: str, directory: Path) -> None:
        """Take in one package's ``types*.go``."""
        for path in sorted(directory.glob("*types*.go")) + sorted(directory.glob("meta.go")):
            lines: list[str] | None = None
            for line in path.read_text().splitlines():
                if lines is None and (start := re.match(r"^type (\w+) struct ?{(}?)", line)):
                    declared = self.structs[f"{package}.{start.group(1)}"] = []
                    lines = None if start.group(2) else declared
                elif line == "}":
                    lines = None
                elif lines is not None:
                    lines.append(line)
                elif alias := _ALIAS.match(line):
                    self.aliases[f"{package}.{alias.group(1)}"] = alias.group(2)


def _qualified(package: str, name: str) -> str:
    """A Go type's name as ``package.Name``; scalars as they are."""
    if name in _SCALARS or name == "int":
        return name
    prefix, _, base = name.rpartition(".")
    if prefix == "v1" and package == "events":
        prefix = "corev1"
    return f"{_IMPORTS.get(prefix, prefix) or package}.{base}"


def resolve(source: Source, package: str, written: str) -> str:
    """A type as the table writes it: ``*`` pointer, ``[]`` list, ``{}`` map, then a scalar or a message.

    A named scalar keeps its name behind a colon, because messages to clients tell it: ``string:v1.RestartPolicy``.
    """
    if written.startswith("*"):
        return "*" + resolve(source, package, written[1:])
    if written in ("[]byte", "[]uint8"):
        return "bytes"
    if written.startswith("[]"):
        return "[]" + resolve(source, package, written[2:])
    if written.startswith("map["):
        return "{}" + resolve(source, package, written.partition("]")[2])
    name = _qualified(package, written)
    if name in _SPECIAL:
        return _SPECIAL[name]
    if name in _SCALARS:
        return name
    if name in source.aliases:
        target = resolve(source, name.partition(".")[0], source.aliases[name])
        return f"{target}:v1.{name.partition('.')[2]}" if target in _SCALARS else target
    return name


def fields(source: Source, message: str) -> Iterator[str]:
    """A message's fields, a line each."""
    package = message.partition(".")[0]
    marks: dict[str, list[str]] = {}
    for line in source.structs[message]:
        if mark := _MARK.match(line):
            marks.setdefault(mark.group(1), []).append(mark.group(2))
        if not (found := _FIELD.match(line)):
            continue
        tags = dict(re.findall(r'(\w+):"([^"]*)"', found["tags"]))
        number = re.search(r"\w+,(\d+)", tags.get("protobuf", ""))
        name, _, options = tags.get("json", "-").partition(",")
        if name != "-" or options:
            flags = _flags(tags, marks, options)
            kind = resolve(source, package, found["type"])
            yield " ".join([name or "-", number.group(1) if number else "0", kind, *flags])
        marks = {}


def _flags(tags: dict[str, str], marks: dict[str, list[str]], options: str) -> Iterator[str]:
    if "patchMergeKey" in tags:
        yield f"merge={tags['patchMergeKey']}"
    elif "merge" in tags.get("patchStrategy", ""):
        yield "merge"
    if "retainKeys" in tags.get("patchStrategy", ""):
        yield "retainKeys"
    if "replace" in tags.get("patchStrategy", ""):
        yield "replace"
    if "listMapKey" in marks:
        yield f"keys={','.join(marks['listMapKey'])}"
    yield from (kind for name in ("listType", "structType", "mapType") for kind in marks.get(name, []) if kind != "map")
    if "omitempty" not in options and "inline" not in options:
        yield "always"
    if "omitzero" in options:
        yield "omitzero"


def reachable(source: Source) -> dict[str, list[str]]:
    """Every message that the roots lead to, with its fields."""
    found: dict[str, list[str]] = {}
    open_ends = list(_ROOTS)
    while open_ends:
        message = open_ends.pop()
        if message in found:
            continue
        found[message] = list(fields(source, message))
        for line in found[message]:
            kind = line.split(" ")[2].lstrip("*[]{}").partition(":")[0]
            if kind not in _SCALARS and kind != "bytes":
                open_ends.append(kind)
    return found


def main() -> None:
    """Print the table."""
    source = Source()
    for package, place in _PACKAGES.items():
        source.read(package, Path(sys.argv[1]) / place)
    print(f"# Made by generate.py from k8s.io/api, apimachinery and apiextensions-apiserver {RELEASE}. Do not edit.")
    for message, lines in sorted(reachable(source).items()):
        print(message, *lines, sep="\n ")


if __name__ == "__main__":
    main()
