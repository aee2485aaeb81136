"""Names: what is allowed as one, and how the server makes one up."""

from __future__ import annotations

import json
import secrets
import uuid

from kubernetes_values import CONFIG_KEY, LABEL, LABEL_VALUE, QUALIFIED, SUBDOMAIN, Form

from .errors import Cause

_SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # as kube-apiserver: no vowels, so no words
_BASE_LENGTH = 58

_SUBDOMAIN_HELP = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    f"and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{SUBDOMAIN.pattern}')"
)
_LABEL_HELP = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    f"with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{LABEL.pattern}')"
)
_QUALIFIED_HELP = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{QUALIFIED.pattern}')"
)
_VALUE_HELP = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'{LABEL_VALUE.pattern}')"
)
_KEY_HELP = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  "
    f"or 'key-name', regex used for validation is '{CONFIG_KEY.pattern}')"
)


def generate(prefix: str) -> str:
    """A name for ``generateName``: the prefix, cut if need be, and five random letters."""
    return prefix[:_BASE_LENGTH] + "".join(secrets.choice(_SUFFIX_ALPHABET) for _ in range(5))


def new_uid() -> str:
    """A uid for a new object."""
    return str(uuid.uuid4())


def _wrong(field: str, value: str, help_text: str) -> Cause:
    return Cause(field, "FieldValueInvalid", f"Invalid value: {json.dumps(value, ensure_ascii=False)}: {help_text}")


def _check(value: str, field: str, form: Form, help_text: str) -> list[Cause]:
    return [_wrong(field, value, text) for text in _complaints(value, form, help_text)]


def check_subdomain(value: str, field: str) -> list[Cause]:
    """What is wrong with an object's name; nothing if it is a DNS subdomain."""
    return _check(value, field, SUBDOMAIN, _SUBDOMAIN_HELP)


def check_label(value: str, field: str) -> list[Cause]:
    """What is wrong with a container's or a namespace's name; nothing if it is a DNS label."""
    return _check(value, field, LABEL, _LABEL_HELP)


def check_key(value: str, field: str) -> list[Cause]:
    """What is wrong with a key of a Secret or ConfigMap; such keys become file names."""
    causes = _check(value, field, CONFIG_KEY, _KEY_HELP)
    if value in (".", ".."):
        return [*causes, _wrong(field, value, f"must not be '{value}'")]
    return [*causes, _wrong(field, value, "must not start with '..'")] if value.startswith("..") else causes


def check_label_key(value: str, field: str) -> list[Cause]:
    """What is wrong with the key of a label or an annotation: a name, or a DNS subdomain, ``/`` and a name."""
    if value.count("/") > 1:
        help_text = f"a valid label key {_QUALIFIED_HELP} with an optional DNS subdomain prefix and '/' "
        return [_wrong(field, value, f"{help_text}(e.g. 'example.com/MyName')")]
    prefix, slash, name = value.rpartition("/")
    texts = []
    if slash and not prefix:
        texts.append("prefix part must be non-empty")
    elif slash:
        texts += [f"prefix part {text}" for text in _complaints(prefix, SUBDOMAIN, _SUBDOMAIN_HELP)]
    if not name:
        texts.append("name part must be non-empty")
    texts += [f"name part {text}" for text in _complaints(name, QUALIFIED, _QUALIFIED_HELP)]
    return [_wrong(field, value, text) for text in texts]


def check_label_value(value: str, field: str) -> list[Cause]:
    """What is wrong with a label's value; it may be empty."""
    return _check(value, field, LABEL_VALUE, _VALUE_HELP)


def _complaints(value: str, form: Form, help_text: str) -> list[str]:
    too_long = [f"must be no more than {form.longest} characters"] if len(value) > form.longest else []
    return too_long + ([] if form.is_shaped(value) else [help_text])
