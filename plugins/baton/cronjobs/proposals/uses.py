"""Where a CronJob reads and writes data, as far as its command lines, variables and volumes tell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from baton.cronjobs.manifests.cronjob import CronJob
from baton.cronjobs.proposals.places import (
    CLAIM,
    DATABASE,
    OBJECT,
    QUEUE,
    READS,
    TABLE,
    USES,
    WRITES,
    Place,
    Use,
)

_STORE = re.compile(
    r"\b(s3[an]?|gs|gcs|az|abfss?|wasbs?|oss|hdfs)://([^/\s\"'`,;)}|&<>\\]+)([^\s\"'`,;)|&<>\\]*)", re.I
)
_DATABASE = re.compile(
    r"\b(postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|clickhouse|redshift|mssql|jdbc:\w+)://"
    r"(?:[^@/\s\"']*@)?([^/\s\"'?]+)/?([\w.-]*)", re.I,
)  # fmt: skip
_HOST = re.compile(
    r"(?:\w+_)?(?:DB|DATABASE|PG|POSTGRES(?:QL)?|MYSQL)_?HOST(?:NAME)?|-h|--(?:db-?)?host(?:name)?", re.I
)
_DATABASE_NAME = re.compile(
    r"(?:\w+_)?(?:DB|DATABASE)_?NAME|PGDATABASE|POSTGRES_DB|MYSQL_DATABASE|-d|--(?:dbname|db-name|database)", re.I
)
_COMPUTED = re.compile(r"\$\([^()]*\)|`[^`]*`")
_OPEN = re.compile(r"[$%{<*?\[#].*")
"""From here on a path is another one each time."""
_OUT_WORDS = frozenset(
    "out output outputs dest destination target sink upload export result results write save store to publish "
    "produce producer raw_out".split()
)
_IN_WORDS = frozenset(
    "in input inputs source src from read fetch download load import consume consumer subscribe".split()
)
_NAMED = {
    "bucket": OBJECT, "topic": QUEUE, "queue": QUEUE, "table": TABLE, "stream": QUEUE, "dataset": TABLE,
    "collection": TABLE,
}  # fmt: skip
"""The last word of an option or variable that names a place → its kind."""
_NAME = re.compile(r"[A-Za-z0-9][\w./:-]{2,}")
_COPIES = ("cp", "mv", "sync", "copy", "rsync", "mirror", "scp", "move")
_STORE_TOOLS = ("aws", "gsutil", "gcloud", "rclone", "mc", "s3cmd", "s5cmd", "azcopy", "az", "hdfs", "s4cmd", "obsutil")
_REMOVES = ("rm", "delete", "del", "rb", "purge", "prune", "forget", "expire", "rmdir", "unlink", "deletefile")
_PUTS, _GETS = ("put", "upload"), ("get", "download", "cat", "ls")
_SPLIT = re.compile(r"\|\||&&|[;\n|]")
_SQL = (
    (WRITES, re.compile(r"\b(?:insert\s+into|merge\s+into|replace\s+into|"
                        r"refresh\s+materialized\s+view(?:\s+concurrently)?|"
                        r"create\s+(?:or\s+replace\s+)?table(?:\s+if\s+not\s+exists)?)\s+([\w.\"]+)", re.I)),
    (WRITES, re.compile(r"\bcopy\s+([\w.\"]+)(?:\s*\([^)]*\))?\s+from\b", re.I)),
    (WRITES, re.compile(r"\bupdate\s+([\w.\"]+)\s+set\b", re.I)),
    (READS, re.compile(r"\bselect\b[^;]{0,2000}?\bfrom\s+([\w.\"]+)", re.I | re.S)),
    (READS, re.compile(r"\bjoin\s+([\w.\"]+)\s+(?:\w+\s+)?(?:on|using)\b", re.I)),
    (READS, re.compile(r"\bcopy\s+([\w.\"]+)(?:\s*\([^)]*\))?\s+to\b", re.I)),
)  # fmt: skip
_MAX_TEXT_LENGTH = 20_000
"""Of a script that is looked through; the longest that people write have some hundred lines."""


def uses_of(cronjob: CronJob) -> frozenset[Use]:
    """Every place that a CronJob names, and what it does there."""
    pod = cronjob.pod_spec
    volumes = _volumes(cronjob)
    found = set[Use]()
    for container in [*(pod.get("initContainers") or []), *(pod.get("containers") or [])]:
        mounts = [each for each in container.get("volumeMounts") or [] if each and each.get("name") in volumes]
        roots = {
            str(each.get("mountPath")).rstrip("/"): (volumes[each["name"]], _parts(str(each.get("subPath") or "")))
            for each in mounts
        }
        found |= set(_of_texts(container, roots))
        found |= set(_of_variables(container, roots))
        found |= set(_database_of(container))
        found |= {
            Use(Place(CLAIM, *roots[str(each.get("mountPath")).rstrip("/")]), READS if each.get("readOnly") else USES)
            for each in mounts
        }
    return _plain(found)


def _plain(found: set[Use]) -> frozenset[Use]:
    """Without what is said more exactly elsewhere: a claim of which files are named, a place of a known direction."""
    known = {use.place for use in found if use.how != USES}
    return frozenset(
        use
        for use in found
        if use.how != USES
        or not any(place.meets(use.place) and len(place.path) >= len(use.place.path) for place in known)
    )


def _volumes(cronjob: CronJob) -> dict[str, str]:
    """The volumes that outlive a pod and are one for all: by their name in the pod."""
    space = cronjob.manifest.namespace or ""
    found = {}
    for volume in cronjob.pod_spec.get("volumes") or []:
        if claim := ((volume or {}).get("persistentVolumeClaim") or {}).get("claimName"):
            found[volume["name"]] = f"{space}/{claim}".lstrip("/")
        elif nfs := (volume or {}).get("nfs"):
            found[volume["name"]] = f"{nfs.get('server')}:{nfs.get('path')}"
    return found


_Roots = dict[str, tuple[str, tuple[str, ...]]]


def _of_texts(container: dict[str, Any], roots: _Roots) -> Iterator[Use]:
    words = [str(word) for key in ("command", "args") for word in container.get(key) or []]
    plain = [word for word in words if "\n" not in word and " " not in word.strip()]
    yield from _of_command(plain, roots)
    for script in words:
        if script not in plain:
            text = _COMPUTED.sub("$_", script[:_MAX_TEXT_LENGTH].replace("\\\n", " "))
            for line in _SPLIT.split(text):
                yield from _of_command(_tokens(line), roots)
            yield from _of_sql(text)


def _tokens(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError:  # a quote that ends in another line
        return line.split()


def _of_command(tokens: Sequence[str], roots: _Roots) -> Iterator[Use]:
    """What one command line says: of its options, of its redirections, of what it copies."""
    if any(token in _REMOVES for token in tokens[:4]):
        return
    copies = _is_copy(tokens)
    places = [(position, place) for position, token in enumerate(tokens) for place in _places(token, roots)]
    last = max((position for position, token in enumerate(tokens) if not token.startswith("-")), default=-1)
    for position, place in places:
        how = _told(tokens, position)
        if how == USES and copies:
            how = WRITES if position == last else READS
        yield Use(place, how)
    for position, token in enumerate(tokens):
        option, _, value = token.partition("=")
        if option.startswith("-") and (named := _named(option, value or _next(tokens, position))):
            yield named


def _next(tokens: Sequence[str], position: int) -> str:
    return tokens[position + 1] if position + 1 < len(tokens) else ""


def _is_copy(tokens: Sequence[str]) -> bool:
    """Whether the last word is where the others go."""
    if not tokens:
        return False
    program = tokens[0].rpartition("/")[2]
    return program in _COPIES or (program in _STORE_TOOLS and any(token in _COPIES for token in tokens[1:5]))


def _told(tokens: Sequence[str], position: int) -> str:
    """What the option or sign before a place says; else what the place's own option does."""
    token, before = tokens[position], tokens[position - 1] if position else ""
    if before in (">", ">>", "1>", "&>") or token.startswith((">", "1>")) or before == "tee":
        return WRITES
    if before == "<" or token.startswith("<"):
        return READS
    if any(word in _PUTS for word in tokens[1:3]) and tokens[0] in _STORE_TOOLS:
        return WRITES
    if any(word in _GETS for word in tokens[1:3]) and tokens[0] in _STORE_TOOLS:
        return READS
    option = token.partition("=")[0] if token.startswith("-") and "=" in token else before
    return direction(option) if option.startswith("-") else USES


def direction(name: str) -> str:
    """What the name of an option or variable says: `--output-path`, `SOURCE_BUCKET`."""
    words = [word for word in re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()) if word]
    if name in ("-o", "-O"):
        return WRITES
    if name == "-i":
        return READS
    out, into = any(word in _OUT_WORDS for word in words), any(word in _IN_WORDS for word in words)
    return USES if out == into else WRITES if out else READS


def _named(name: str, value: str) -> Use | None:
    """A place whose kind stands in the name: `--topic orders`, `INPUT_BUCKET: raw`."""
    last = re.split(r"[^a-z]+", name.lower().rstrip("_-"))[-1]
    kind = _NAMED.get(last) or _NAMED.get(last.removesuffix("s").removesuffix("name"))
    if last == "name":
        kind = _NAMED.get(
            (re.split(r"[^a-z]+", name.lower()) or [""])[-2] if len(re.split(r"[^a-z]+", name.lower())) > 1 else ""
        )
    value = _OPEN.sub("", value)
    if kind is None or not _NAME.fullmatch(value) or "://" in value:
        return None
    return Use(Place(kind, value.lower() if kind != OBJECT else f"s3://{value.lower()}"), direction(name))


def _places(text: str, roots: _Roots) -> Iterator[Place]:
    for scheme, bucket, path in _STORE.findall(text):
        base = _OPEN.sub("", bucket)
        if base == bucket:
            yield Place(OBJECT, f"{_scheme(scheme)}://{base.lower()}", _parts(path))
    for _, host, name in _DATABASE.findall(text):
        if "$" not in host and "{" not in host and name:
            yield Place(DATABASE, f"{host.lower()}/{name.lower()}", ())
    value = text.partition("=")[2] or text
    for root, (base, below) in roots.items():
        rest = value.lstrip("<>")
        if root and (rest == root or rest.startswith(root + "/")):
            yield Place(CLAIM, base, (*below, *_parts(rest[len(root) :])))


def _scheme(scheme: str) -> str:
    name = scheme.lower()
    return "s3" if name.startswith("s3") else "gs" if name in ("gs", "gcs") else name


def _parts(path: str) -> tuple[str, ...]:
    """The parts of a path up to the first that changes from time to time."""
    parts = []
    for part in path.split("/"):
        fixed = _OPEN.sub("", part)
        if fixed != part:
            break
        if fixed and fixed != ".":
            parts.append(fixed)
    return tuple(parts)


def _of_variables(container: dict[str, Any], roots: _Roots) -> Iterator[Use]:
    for variable in container.get("env") or []:
        name, value = str((variable or {}).get("name") or ""), (variable or {}).get("value")
        if not isinstance(value, str) or not value:
            continue
        for place in _places(value, roots):
            yield Use(place, direction(name))
        if (named := _named(name, value)) is not None:
            yield named
        yield from _of_sql(value)


def _database_of(container: dict[str, Any]) -> Iterator[Use]:
    """A database whose host and name stand apart: `DB_HOST` and `DB_NAME`, `-h` and `-d`."""
    words = [str(word) for key in ("command", "args") for word in container.get(key) or []]
    tokens = [token for word in words for token in (_tokens(word) if " " in word else [word])]
    given = {str((each or {}).get("name")): (each or {}).get("value") for each in container.get("env") or []}
    given |= {token.partition("=")[0]: token.partition("=")[2] or _next(tokens, at) for at, token in enumerate(tokens)}
    hosts = [value for name, value in given.items() if value and _HOST.fullmatch(name)]
    names = [value for name, value in given.items() if value and _DATABASE_NAME.fullmatch(name)]
    if len(hosts) == len(names) == 1 and "$" not in f"{hosts[0]}{names[0]}":
        yield Use(Place(DATABASE, f"{hosts[0].lower()}/{names[0].lower()}"), USES)


def _of_sql(text: str) -> Iterator[Use]:
    for how, pattern in _SQL:
        for name in pattern.findall(text):
            table = name.replace('"', "").lower().removeprefix("public.")
            if _NAME.fullmatch(table):
                yield Use(Place(TABLE, table), how)


def references(pod: dict[str, Any]) -> Iterator[str]:
    """Yield the Secrets and ConfigMaps that variables are taken from, by kind and name."""
    for container in pod.get("containers") or []:
        sources = [
            *(container.get("envFrom") or []),
            *((each or {}).get("valueFrom") or {} for each in container.get("env") or []),
        ]
        for source in sources:
            for kind in ("secretRef", "configMapRef", "secretKeyRef", "configMapKeyRef"):
                if name := ((source or {}).get(kind) or {}).get("name"):
                    yield f"{kind[:6]} {name}"
