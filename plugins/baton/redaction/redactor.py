"""Secrets are taken out of what was collected, before anything is written anywhere.

Rather too much than too little: what looks like a secret by its form, by its name or by its place is replaced by
`[redacted]`. A value that carries none of these signs (a password printed alone on a line) is only found when it also
stands in the pod's specification under a telling name; see docs/diagnostics.md.

Every pattern starts at a literal or a bounded run, so that the time is linear in the text: logs are hostile, too.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from baton.redaction.secret_forms import (
    DATA_ENTRY,
    DATA_LINE,
    DATA_OBJECT,
    ELEMENT,
    FORM_SIGNS,
    FORMS,
    PLACES,
    SECRET_KIND,
)
from baton.redaction.secret_names import HARMLESS_NAMES, WORDS, is_secret_name, is_weak_secret_name

MASK = "[redacted]"

_HARMLESS_VALUES = {"true", "false", "null", "none", "nil", "", "{}", "[]", "|", ">", "|-", ">-", "<unset>", "***"}
_LEARNT = re.compile(r"(?=[^\s]*[A-Za-z])(?=[^\s]*[0-9])[^\s/:\[\](){}<>\"'\\,;][^\s\[\](){}<>\"'\\,;]{7,255}")
_MAX_VALUES = 500
_SHORTEST_KNOWN = 5
"""Characters of a known value that is looked for everywhere; shorter ones would tear words apart."""

_VALUE_FORM = (
    r"(?P<value>\[redacted\]|(?P<quote>\\{1,8}[\"'])[^\n]*?(?:(?<!\\)(?P=quote)|$)"
    r"|\"(?:[^\"\\\n]|\\.)*\"?|'(?:[^'\\\n]|\\.)*'?"
    r"|(?:bearer|basic|token|digest|negotiate|apikey)[ \t]+\S+|\S+)"
)
_SIGN_FORM = r"(?P<sign>(?:\\{0,8}[\"'])?[ \t]{0,8}(?:=>|[:=])[ \t]{0,8})"
_NAMED = re.compile(
    rf"(?P<name>(?:{WORDS})[\w.-]{{0,64}}){_SIGN_FORM}{_VALUE_FORM}",
    re.IGNORECASE | re.MULTILINE,
)
_NAME = re.compile(rf"(?<![\w.])(?P<name>[A-Za-z_][\w.-]{{0,127}})(?:{_SIGN_FORM}|(?P<blank>[ \t]{{1,8}}))")
_VALUE = re.compile(_VALUE_FORM, re.IGNORECASE | re.MULTILINE)
_PAIR = re.compile(
    r"(?P<before>(?<![\w-])[\"']?(?:name|key)[\"']?[ \t]{0,8}[:=][ \t]{0,8}[\"']?(?P<name>[\w.-]{1,128})[\"']?"
    r"(?:[ \t]{0,8}[,;\n]|[ \t])\s{0,80}[\"']?value[\"']?[ \t]{0,8}[:=][ \t]{0,8})"
    r"(?P<value>\"(?:[^\"\\\n]|\\.)*\"?|'(?:[^'\\\n]|\\.)*'?|[^\s,}]+)",
    re.IGNORECASE,
)
_TURNED_PAIR = re.compile(
    r"(?P<before>(?<![\w-])[\"']?value[\"']?[ \t]{0,8}[:=][ \t]{0,8})"
    r"(?P<value>\"(?:[^\"\\\n]|\\.){0,4096}\"|'(?:[^'\\\n]|\\.){0,4096}'|[^\s,}]{1,4096})"
    r"(?P<after>"
    r"(?:[ \t]{0,8}[,;\n]|[ \t])\s{0,80}[\"']?(?:name|key)[\"']?[ \t]{0,8}[:=][ \t]{0,8}[\"']?(?P<name>[\w.-]{1,128}))",
    re.IGNORECASE,
)
_FLAG = re.compile(
    rf"(--?(?:[\w]{{1,32}}[-_.]){{0,4}}(?:{WORDS})[\w.-]{{0,64}}[ \t]{{1,8}})(\"[^\"\n]*\"?|'[^'\n]*'?|[^\s-]\S*)", re.I
)
_HEADER = re.compile(
    r"((?:proxy-)?authorization|(?:set-)?cookie|x-[a-z-]{0,32}(?:key|token|secret))"
    r"([\"']?[ \t]{0,4}:[ \t]{0,4})([^\n]+)",
    re.IGNORECASE,
)
_SAID = re.compile(
    r"((?:identified[ \t]+(?:with[ \t]+\S{1,64}[ \t]+)?(?:by|as)|password)[ \t]+(?:is[ \t]+|was[ \t]+)?)"
    r"('[^'\n]*'?|\"[^\"\n]*\"?)"
    r"|((?:password|token|secret)[ \t]+(?:is|was)[ \t]*:?[ \t]+)(\S+)",
    re.IGNORECASE,
)
_USER = re.compile(r"((?:^|\s)(?:-u|--user|--proxy-user)[ \t=]{1,4})(\S{1,256}:\S{1,256})", re.MULTILINE)
_URL_USER = re.compile(r"(?<=://)(?:[^\s/@:\"'<>]{0,256}:[^\s\"'<>]{0,512}|[^\s/@\"'<>]{1,512})@")
_SCHEME = re.compile(r"\b(bearer|basic)([ \t]{1,4})[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]{1,64}-----.*?(?:-----END [A-Z0-9 ]{1,64}-----|\Z)", re.DOTALL)
_PEM_END = re.compile(r"-----END [A-Z0-9 ]{1,64}-----")
_PEM_BODY = re.compile(r"(?:^[^\S\n]*[A-Za-z0-9+/]{60,76}={0,2}[^\S\n]*$\n?){2,}", re.MULTILINE)
_LONG_FROM = 32
_LONG = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{32,}={0,2}")
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}\b")
_HIDDEN_NAME = re.compile(r"(?:_URL|_URI|_HOOK|WEBHOOK|[_-]KEY)$", re.IGNORECASE)
_LEFT_OUT = ("managedFields",)
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def secret_values(*found: Any) -> set[str]:
    """What telling names in objects reveal: to be hidden wherever else it appears.

    :param found: specifications of pods, labels, annotations: whatever has names with values, at any depth.
    """
    values: set[str] = set()
    waiting: list[Any] = list(found)
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            named = {str(part.get("name", "")): part["value"]} if isinstance(part.get("value"), str) else {}
            values |= {text for name, text in (*part.items(), *named.items()) if _is_revealed(name, text)}
            waiting += [inner for name, inner in part.items() if name not in _LEFT_OUT and name != _LAST_APPLIED]
        elif isinstance(part, list | tuple):
            values |= {text for flag, text in pairwise(part) if _is_flag(flag) and _is_revealed(flag, text)}
            waiting += part
        elif isinstance(part, str):
            values |= {bare for pair in _pairs(part) if pair["sign"] == "=" and (bare := _bare(pair["value"]))}
    return values - _HARMLESS_VALUES - {MASK}


def _is_revealed(name: object, text: object) -> bool:
    return _is_hidden(name, text) and not is_weak_secret_name(
        str(name)
    )  # `auth: enabled` must not cost every "enabled"


def _is_hidden(name: object, text: object) -> bool:
    return isinstance(text, str) and is_secret_name(str(name)) and text.lower() not in _HARMLESS_VALUES


def _is_flag(word: object) -> bool:
    return isinstance(word, str) and word.startswith("-") and "=" not in word


class Redactor:
    """Takes secrets out of texts and objects.

    :param known: values that are secret wherever they stand; in base64 and percent-encoded, too.
    :param with_emails: e-mail addresses, too.
    """

    def __init__(self, known: Iterable[str] = (), *, with_emails: bool = True) -> None:
        self._values = {value for value in known if len(value) >= _SHORTEST_KNOWN}
        self._known: list[str] | None = None
        self._with_emails = with_emails

    def text(self, text: str) -> str:
        """The text without secrets. Applying it twice changes nothing more."""
        text = _without_pem(self.without_known(text))
        if SECRET_KIND.search(text):
            text = _without_secret_objects(text)
        if "value" in text.lower():
            text = _TURNED_PAIR.sub(self._pair, _PAIR.sub(self._pair, text))
        return "\n".join(map(self._line, text.split("\n")))

    def without_known(self, text: str) -> str:
        """The text without the values that are known by now: from the beginning, or from texts that named them."""
        if self._known is None:
            forms = {form for value in self._values for form in _written(value)}
            self._known = sorted(forms - _HARMLESS_VALUES, key=len, reverse=True)
        for value in self._known:
            text = text.replace(value, MASK)
        return text

    def _learn(self, value: str) -> None:
        """Of a log only what is like no word: `token: expired` must not cost every "expired"."""
        bare = _bare(value)
        if _LEARNT.fullmatch(bare) and len(self._values) < _MAX_VALUES and bare not in self._values:
            self._values.add(bare)
            self._known = None

    def _line(self, line: str) -> str:
        lower = line.lower()
        if any(sign in lower for sign in _NAME_SIGNS):
            line = self._without_named(line)
        for step in _STEPS:
            if any(sign in lower for sign in step.signs):
                line = step.pattern.sub(step.replacement, line)
        if len(line) >= _LONG_FROM:
            line = _LONG.sub(_long, line)
        return _EMAIL.sub("[e-mail]", line) if self._with_emails and "@" in line else line

    def _pair(self, match: re.Match[str]) -> str:
        if not is_secret_name(match["name"]) or _is_harmless(match["name"], match["value"]):
            return match[0]
        self._learn(match["value"])
        return f"{match['before']}{MASK}{match.groupdict().get('after') or ''}"

    def _without_named(self, line: str) -> str:
        parts, at = [], 0
        for pair in _pairs(line):
            self._learn(pair["value"])
            parts += [line[at : pair["begin"]], MASK]
            at = pair["end"]
        return "".join([*parts, line[at:]])

    def object(self, value: Any) -> Any:
        """An object of Kubernetes without secrets, managed fields and the copy that kubectl keeps of it."""
        if isinstance(value, Mapping):
            if value.get("kind") == "Secret":
                value = {key: MASK if key in ("data", "stringData") else part for key, part in value.items()}
            found = {
                self.text(str(key)): self._field(str(key), inner)
                for key, inner in value.items()
                if key not in _LEFT_OUT and key != _LAST_APPLIED
            }
            if _is_hidden(value.get("name", ""), value.get("value")):  # also headers of a probe, and their like
                found["value"] = MASK
            return found
        if isinstance(value, list):
            return self._items(value)
        return self.text(value) if isinstance(value, str) else value

    def _field(self, key: str, value: Any) -> Any:
        if key == "env" and isinstance(value, list):
            return [self._variable(item) for item in value]
        if _is_hidden(key, value):
            return MASK
        return self.object(value)

    def _variable(self, variable: Any) -> Any:
        """A variable keeps its name. Its value stays only if neither looks like a secret."""
        if not isinstance(variable, Mapping) or not isinstance(variable.get("value"), str):
            return self.object(variable)
        hides = _HIDDEN_NAME.search(str(variable.get("name", "")))
        return {**self.object(dict(variable)), **({"value": MASK} if hides else {})}

    def _items(self, values: list[Any]) -> list[Any]:
        """A list; what follows a flag such as `--password` in a command line is hidden."""
        found: list[Any] = []
        hides = False
        for value in values:
            is_text = isinstance(value, str)
            found.append(MASK if hides and is_text and not value.startswith("-") else self.object(value))
            hides = is_text and value.startswith("-") and "=" not in value and is_secret_name(value)
        return found


def _written(value: str) -> set[str]:
    """A secret as it may stand somewhere: as it is, percent-encoded, in base64."""
    encoded = base64.b64encode(value.encode(errors="surrogateescape")).decode()
    return {value, quote(value, safe="", errors="surrogateescape"), encoded.rstrip("=")}


def _without_pem(text: str) -> str:
    text = _PEM.sub(MASK, text)
    if end := list(_PEM_END.finditer(text)):  # a log that was cut within a block begins with the rest of it
        text = MASK + text[end[-1].end() :]
    return _PEM_BODY.sub(MASK + "\n", text)


def _named(match: re.Match[str]) -> str:
    bare = match["value"].strip("\"'\\ ,;")
    is_harmless = re.sub(r"[^a-z]", "", match["name"].lower()) in HARMLESS_NAMES
    if is_harmless or bare.lower() in _HARMLESS_VALUES or bare == MASK:
        return match[0]
    return f"{match['name']}{match['sign']}{MASK}"


def _bare(value: str) -> str:
    return value.strip("\"'\\ ,;")


def _pairs(text: str) -> Iterator[dict[str, Any]]:
    """Each telling name of a text with its value: `name`, `sign`, `value`, and where the value stands, `begin`, `end`.

    Why by hand: the value of a name that tells nothing may hold one that does, as in `message="DB_PASS=…"`.
    """
    at = 0
    while found := _NAME.search(text, at):
        at = found.end()
        name, sign = found["name"], (found["sign"] or "").strip()
        is_flag = found["blank"] and text[max(0, found.start() - 1) : found.start()] == "-"
        if not (sign or is_flag) or not is_secret_name(name) or (is_weak_secret_name(name) and sign == ":"):
            continue
        value = _VALUE.match(text, at)
        if value and not (is_flag and value["value"].startswith("-")) and not _is_harmless(name, value["value"]):
            yield {"name": name, "sign": sign, "value": value["value"], "begin": value.start(), "end": value.end()}
            at = value.end()


def _is_harmless(name: str, value: str) -> bool:
    bare = _bare(value)
    is_count = is_weak_secret_name(name) and bare.isdigit()
    return is_count or bare.lower() in _HARMLESS_VALUES or bare == MASK


def _header(match: re.Match[str]) -> str:
    return f"{match[1]}{match[2]}{MASK}"


def _said(match: re.Match[str]) -> str:
    return f"{match[1] or match[3]}{MASK}"


def _after_before(match: re.Match[str]) -> str:
    return f"{match['before']}{MASK}"


def _element(match: re.Match[str]) -> str:
    return _after_before(match) if is_secret_name(match["name"].rpartition(":")[2]) else match[0]


def _without_secret_objects(text: str) -> str:
    """The text without what stands as data in objects of the kind Secret, in YAML and in JSON."""
    found: list[str] = []
    inside: str | None = None
    for line in DATA_OBJECT.sub(lambda match: f'{match["before"]}"{MASK}": ""', text).split("\n"):
        if begin := DATA_LINE.match(line):
            inside = begin["indent"]
        elif inside is not None:
            is_deeper = line.startswith(inside) and line[len(inside) : len(inside) + 1] in (" ", "\t")
            inside = inside if is_deeper or not line.strip() else None
            if inside is not None:
                entry = DATA_ENTRY.match(line)
                line = _after_before(entry) if entry else (MASK if line.strip() else line)
        found.append(line)
    return "\n".join(found)


def _after_first(match: re.Match[str]) -> str:
    return f"{match[1]}{MASK}"


def _long(match: re.Match[str]) -> str:
    """A run of characters that changes between cases and digits as chance does, as no word or path would."""
    found = match[0].rstrip("=")
    kinds = [("A" if c.isupper() else "a" if c.islower() else "0" if c.isdigit() else "-") for c in found]
    if not {"A", "a", "0"} <= set(kinds):
        return match[0]
    changes = sum(1 for before, after in pairwise(kinds) if before != after)
    return MASK if changes >= 0.4 * len(kinds) else match[0]


@dataclass(frozen=True, slots=True)
class _Step:
    """A pattern, and the words without which it cannot match: looking for those first is ten times as fast."""

    pattern: re.Pattern[str]
    replacement: str | Callable[[re.Match[str]], str]
    signs: tuple[str, ...]


_WORD_SIGNS = (
    *("pass", "pwd", "secret", "token", "key", "fernet", "credential", "authorization", "cookie", "session", "dsn"),
    *("conn", "signature", "auth", "x-amz-"),
)
_NAME_SIGNS = (
    *(*_WORD_SIGNS, "pw", "salt", "pin", "otp", "jwt", "bearer", "private", "sig", "cred", "hmac", "sas", "netrc"),
    *("kubeconfig", "heslo", "wort"),
)
_STEPS = (
    _Step(_HEADER, _header, ("authorization", "cookie", "x-")),
    _Step(_URL_USER, f"{MASK}@", ("://",)),
    _Step(FORMS, MASK, FORM_SIGNS),
    _Step(_SCHEME, rf"\1\2{MASK}", ("bearer", "basic")),
    _Step(_NAMED, _named, _WORD_SIGNS),
    _Step(_FLAG, _after_first, _WORD_SIGNS),
    _Step(_SAID, _said, ("identified", "password", "token", "secret")),
    _Step(_USER, _after_first, ("-u", "user")),
    _Step(ELEMENT, _element, ("</",)),
    *(_Step(place.pattern, _after_before, place.signs) for place in PLACES),
)
