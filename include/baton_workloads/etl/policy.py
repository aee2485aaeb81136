"""Anonymisation policies: one for each dataset, naming every column. What a policy does not name stops the run.

A policy file (``{dataset}.yaml``)::

    source: public.customers      # table or view; default public.{dataset}
    target: public.customers      # warehouse table; default public.{dataset}
    columns:
      id: {rule: pseudonym, domain: customer}
      country: keep               # short for {rule: keep}
    may_hold_originals: [notes]   # kept columns in which originals of hidden ones are accepted; default none
"""

import base64
import hashlib
import json
import os
import zlib
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from baton_workloads.errors import ConfigurationError, DataError
from baton_workloads.etl.column_names import collisions
from baton_workloads.etl.manifest import Column
from baton_workloads.etl.rules import AnyRule, Rule, check_name
from baton_workloads.etl.yaml_lines import YamlText

VARIABLE = "BATON_POLICIES"
PACKED = "zlib:"  # before base64 of a compressed text
DATASET = r"^[a-z][a-z0-9_]{0,62}$"
SOURCE = r"^[^.\"\x00-\x1f]+\.[^.\"\x00-\x1f]+$"  # whatever a table is called that is there
TABLE = r"^[A-Za-z_][A-Za-z0-9_$]*\.[A-Za-z_][A-Za-z0-9_$]*$"


def _long_form(value: object) -> object:
    if value is None or (isinstance(value, dict) and "rule" in value and value["rule"] is None):
        raise ValueError('no rule; for the rule null write "null" in quotes')
    long = {"rule": value} if isinstance(value, str) else value
    if isinstance(long, dict) and isinstance(long.get("rule"), str):
        check_name(long["rule"])
    return long


class Policy(BaseModel):
    """What happens to each column of one dataset."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: Annotated[str, Field(pattern=DATASET)]
    source: Annotated[str, Field(pattern=SOURCE)] = ""
    target: Annotated[str, Field(pattern=TABLE)] = ""
    columns: Annotated[dict[str, Annotated[AnyRule, BeforeValidator(_long_form)]], Field(min_length=1)]
    may_hold_originals: frozenset[str] = frozenset()

    @property
    def digest(self) -> str:
        """Give the sha256 of the policy's meaning; layout and comments of the file do not count."""
        meaning = self.model_dump(mode="json", exclude={"may_hold_originals"})
        if self.may_hold_originals:  # left out where empty, so that policies without it keep their digest
            meaning["may_hold_originals"] = sorted(self.may_hold_originals)
        content = json.dumps(meaning, sort_keys=True).encode()
        return hashlib.sha256(content).hexdigest()

    def rule(self, column: str) -> Rule:
        """Give the rule of a column that was checked to have one."""
        return self.columns[column]

    def check(self, columns: list[Column]) -> None:
        """Compare the policy with a dataset's columns; fails closed.

        :raises DataError: naming columns without a rule, rules without a column, rules that do not fit.
        """
        present = {column.name for column in columns}
        wrong = [f"column {c.name} has no rule (new in the source?)" for c in columns if c.name not in self.columns]
        wrong += [f"column {name} does not exist in the source" for name in self.columns if name not in present]
        for name in sorted(self.may_hold_originals):
            if name not in self.columns or not self.columns[name].keeps_values:
                wrong.append(f"column {name} stands under may_hold_originals, but is not kept")
        for column in columns:
            rule = self.columns.get(column.name)
            misfit = rule.misfit(column) if rule else None
            if rule and misfit:
                wrong.append(f"column {column.name}: {rule.rule} does not fit: {misfit}")
        wrong += self._collisions(columns)
        if wrong:
            raise DataError(f"policy of dataset {self.dataset}: {'; '.join(wrong)}; correct the policy file")

    def _collisions(self, columns: list[Column]) -> list[str]:
        """Look at the names in raw files, and at those in processed files."""
        rules = [(column, self.columns[column.name]) for column in columns if column.name in self.columns]
        raw = [column.name for column, rule in rules if rule.reads_values]
        made = [result.name for column, rule in rules if (result := rule.result(column)) and result.carrier != "absent"]
        return list(dict.fromkeys([*collisions(raw), *collisions(made)]))


def load(path: str | None) -> dict[str, Policy]:
    """Read policies from a file, a directory of ``*.yaml``, or the environment.

    :raises DataError: a policy is wrong; the message says where.
    :raises ConfigurationError: there is none.
    """
    if path is None:
        return _from_environment()
    root = Path(path)
    files = sorted(root.glob("*.yaml")) if root.is_dir() else [root]
    if not files or not all(file.is_file() for file in files):
        raise ConfigurationError(f"no policy at {path}; give a YAML file or a directory of them")
    return _together({file.stem: _from_file(file) for file in files})


def _from_environment() -> dict[str, Policy]:
    content = os.environ.get(VARIABLE)
    if not content:
        raise ConfigurationError(f"no policies: set {VARIABLE} or give --policies")
    try:
        policies = json.loads(_unpacked(content))
    except (ValueError, zlib.error) as err:
        raise ConfigurationError(f"{VARIABLE} is no JSON") from err
    if not isinstance(policies, dict) or not policies:
        raise ConfigurationError(f"{VARIABLE} is no JSON object of policies by dataset")
    return _together(
        {dataset: parse(dataset, policy, f"{VARIABLE}: {dataset}") for dataset, policy in policies.items()}
    )


def _unpacked(content: str) -> str:
    """Give the text of a variable that is compressed where it would be too long for an environment."""
    if not content.startswith(PACKED):
        return content
    return zlib.decompress(base64.b64decode(content.removeprefix(PACKED), validate=True)).decode()


def _together(policies: dict[str, Policy]) -> dict[str, Policy]:
    """Refuse two datasets that would replace each other's table."""
    targets: dict[str, str] = {}
    for dataset, policy in policies.items():
        other = targets.setdefault(policy.target, dataset)
        if other != dataset:
            raise DataError(f"policies of datasets {other} and {dataset} have the same target {policy.target}")
    return policies


def _from_file(file: Path) -> Policy:
    text = YamlText(file)
    return parse(file.stem, text.content, str(file), text)


def parse(dataset: str, content: Any, place: str, text: YamlText | None = None) -> Policy:
    """Make a policy of what a file or a variable holds.

    :param place: named in messages.
    :raises DataError: it is wrong; the message says where.
    """
    if not isinstance(content, dict):
        raise DataError(f"{place}: a policy is a mapping with the key columns")
    defaults = {"dataset": dataset, "source": f"public.{dataset}", "target": f"public.{dataset}"}
    try:
        return Policy.model_validate({**defaults, **content})
    except ValidationError as err:
        raise DataError("; ".join(_said(error, place, text) for error in err.errors(include_url=False))) from err


def _said(error: Any, place: str, text: YamlText | None) -> str:
    keys = [str(part) for part in error["loc"]]
    line = f":{text.line(keys)}" if text else ""
    return f"{place}{line}: {'.'.join(keys) or 'policy'}: {error['msg']}"
