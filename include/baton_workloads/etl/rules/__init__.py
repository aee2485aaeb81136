"""Anonymisation rules: what may happen to a column. Each is a small model with its parameters."""

from typing import Annotated

from pydantic import Discriminator, Tag

from baton_workloads.etl.rules.base import Rule
from baton_workloads.etl.rules.generalise import GeneraliseDate, GeneraliseNumber
from baton_workloads.etl.rules.masks import MaskEmail, MaskPhone
from baton_workloads.etl.rules.plain import Drop, Fixed, Keep, Null
from baton_workloads.etl.rules.pseudonym import Pseudonym

__all__ = ["AnyRule", "Rule"]


def _name(value: object) -> str | None:
    name = value.get("rule") if isinstance(value, dict) else getattr(value, "rule", None)
    return name if isinstance(name, str) else None


AnyRule = Annotated[
    Annotated[Keep, Tag("keep")]
    | Annotated[Drop, Tag("drop")]
    | Annotated[Null, Tag("null")]
    | Annotated[Fixed, Tag("fixed")]
    | Annotated[Pseudonym, Tag("pseudonym")]
    | Annotated[MaskEmail, Tag("mask_email")]
    | Annotated[MaskPhone, Tag("mask_phone")]
    | Annotated[GeneraliseDate, Tag("generalise_date")]
    | Annotated[GeneraliseNumber, Tag("generalise_number")],
    Discriminator(_name),
]
