# ruff: noqa: S608  (tests write their SQL themselves)
"""A new masking rule is one new file: nothing else knows its name."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.workloads.chain import KEY
from tests.workloads.extended import Commands, extended, python

from baton_workloads.etl.pseudonym import domain_key
from baton_workloads.etl.pseudonym import pseudonym as hash_of

MASK_IBAN = '''
"""Bank accounts: country and the last two characters are left."""

from typing import ClassVar, Literal

from baton_workloads.etl.manifest import Column
from baton_workloads.etl.rules.base import Spelling
from baton_workloads.etl.rules.masks import Mask


class MaskIban(Mask):
    """``DE89 3704 0044 0532 0130 00`` becomes ``DE***00``."""

    rule: Literal["mask_iban"]
    spelling: ClassVar[Spelling | None] = Spelling(
        name="iban", begins=("a", "z"), looks="[a-z]{2}[0-9]{2}[0-9a-z .-]{11,30}",
        normal="regexp_replace(lower({text}), '[^0-9a-z]+', '', 'g')", least=15,
    )

    def form(self) -> str:
        """Give the form of a masked account."""
        return r"^(\\*\\*\\*|[A-Z]{2}\\*\\*\\*[0-9A-Z]{2})$"

    def prepared(self, column: Column, name: str) -> str:
        """Give the account without blanks."""
        return f"upper(replace({name}, ' ', ''))"

    def expression(self, column: Column, name: str, prepared: str) -> str:
        """Give the masked account."""
        return (
            f"CASE WHEN {name} IS NULL THEN NULL"
            f" WHEN regexp_full_match({prepared}, '[A-Z]{{2}}[0-9]{{2}}[0-9A-Z]{{11,30}}')"
            f" THEN left({prepared}, 2) || '***' || right({prepared}, 2) ELSE '***' END"
        )
'''
TOKEN = '''
"""Short keyed stand-ins for texts."""

from typing import ClassVar, Literal

from baton_workloads.etl.manifest import Column
from baton_workloads.etl.rules.base import TEXTS, Rule, text_result
from baton_workloads.etl.rules.violations import HasNotForm, Violation


class Token(Rule):
    """A text becomes ``t_`` and 16 hexadecimal digits, the same for the same text."""

    rule: Literal["token"]
    keyed: ClassVar[bool] = True
    hides: ClassVar[bool] = True
    keeps_keys: ClassVar[bool] = True

    def misfit(self, column: Column) -> str | None:
        """Texts."""
        return None if column.udt in TEXTS else "it is no text"

    def result(self, column: Column) -> Column:
        """Give text."""
        return text_result(column, self.rule)

    def key_domain(self) -> str:
        """Give the one domain."""
        return "token"

    def expression(self, column: Column, name: str, prepared: str) -> str:
        """Shorten the hash."""
        return f"'t_' || left({prepared}, 16)"

    def form(self) -> str:
        """Give the form of a token."""
        return "^t_[0-9a-f]{16}$"

    def violation(self, column: Column) -> Violation:
        """Everything that is no token."""
        return HasNotForm(self.form())
'''
PROGRAM = """
import duckdb
from baton_workloads.etl.manifest import Column
from baton_workloads.etl.policy import parse
from baton_workloads.etl.warehouses.postgres.conditions import condition

rule = parse("accounts", {"columns": {"iban": "mask_iban"}}, "accounts.yaml").rule("iban")
column = Column(name="iban", type="text", udt="text", carrier="text")
once, values = rule.prepared(column, "v"), ["DE89 3704 0044 0532 0130 00", "none", None]
query = f"SELECT {rule.expression(column, 'v', once)} FROM (SELECT unnest($1) AS v)"
for (masked,) in duckdb.execute(query, [values]).fetchall():
    print(masked)
print(condition(rule.violation(column), rule.result(column)))
"""
IBAN = "DE89370400440532013"


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    """What runs the chain with a rule more, and with one of another kind."""
    files = {"etl/rules/mask_iban.py": MASK_IBAN, "etl/rules/token.py": TOKEN}
    with Commands(extended(tmp_path_factory.mktemp("extended"), files)) as made:
        yield made


def test_one_new_file_is_a_rule_that_policies_may_name(tmp_path: Path) -> None:
    """Policy, expression and check of the new rule come from its file alone."""
    include = extended(tmp_path, {"etl/rules/mask_iban.py": MASK_IBAN})
    assert python(include, PROGRAM).splitlines() == [
        "DE***00",
        "***",
        "None",
        r""""iban" !~ '^(\*\*\*|[A-Z]{2}\*\*\*[0-9A-Z]{2})$'""",
    ]


def test_a_rule_whose_name_another_one_has_is_refused(tmp_path: Path) -> None:
    """Which of both is meant cannot be known."""
    include = extended(tmp_path, {"etl/rules/other.py": MASK_IBAN, "etl/rules/mask_iban.py": MASK_IBAN})
    with pytest.raises(AssertionError, match=r"rules\.mask_iban and .*rules\.other have the same name mask_iban"):
        python(include, "import baton_workloads.etl.rules")


@pytest.mark.parametrize(
    ("promise", "said"),
    [("hides", "it has to give the form"), ("keyed", "it has to give its key_domain")],
)
def test_a_rule_that_cannot_be_checked_is_refused(tmp_path: Path, promise: str, said: str) -> None:
    """What a rule promises, it says how to check, or nothing starts."""
    rule = (
        "from typing import ClassVar, Literal\n"
        "from baton_workloads.etl.rules.base import Rule\n"
        f"class Careless(Rule):\n    rule: Literal['careless']\n    {promise}: ClassVar[bool] = True\n"
    )
    include = extended(tmp_path, {"etl/rules/careless.py": rule})
    with pytest.raises(AssertionError, match=said):
        python(include, "import baton_workloads.etl.rules")


def test_a_new_rule_goes_through_the_whole_chain(file_chain: Any, commands: Commands) -> None:
    """Transform applies it, load brings it, validate checks its form and searches for its originals."""
    chain = file_chain
    chain.execute(
        chain.source,
        "CREATE TABLE accounts (id int PRIMARY KEY, iban text, note text)",
        f"INSERT INTO accounts SELECT i, '{IBAN}' || (100 + i), 'nothing' FROM generate_series(1, 50) i",
    )
    chain.policies = {"accounts": {"columns": {"id": "keep", "iban": "mask_iban", "note": "keep"}}}
    processed = commands.stages(chain)
    assert chain.query(chain.warehouse, "SELECT iban FROM accounts WHERE id = 7") == [("DE***07",)]
    assert "iban obeys mask_iban" in commands.validate(chain, processed).result["datasets"]["accounts"]["checks"]
    chain.execute(chain.warehouse, "UPDATE accounts SET iban = 'DE89' WHERE id = 7")
    outcome = commands.validate(chain, processed)
    assert (outcome.code, "accounts: iban obeys mask_iban (1 rows break it)" in outcome.error) == (65, True)


def test_an_original_of_a_new_rule_is_found_however_it_is_written(file_chain: Any, commands: Commands) -> None:
    """How its values may be written, the rule says in its file."""
    chain = file_chain
    chain.execute(
        chain.source,
        "CREATE TABLE accounts (id int PRIMARY KEY, iban text, note text)",
        f"INSERT INTO accounts SELECT i, '{IBAN}' || (100 + i), 'nothing' FROM generate_series(1, 50) i",
        "UPDATE accounts SET note = 'pay to de89-3704-0044-0532-0131-07 soon' WHERE id = 9",
    )
    chain.policies = {"accounts": {"columns": {"id": "keep", "iban": "mask_iban", "note": "keep"}}}
    outcome = commands.validate(chain, commands.stages(chain))
    assert (outcome.code, "no original of iban stands in note" in outcome.error) == (65, True), outcome.stderr


def test_a_new_keyed_rule_gets_its_hashes_from_the_transform(file_chain: Any, commands: Commands) -> None:
    """It joins, its values are checked row by row, and an original that looks like one of them is found."""
    chain = file_chain
    known = "t_0123456789abcdef"
    chain.execute(
        chain.source,
        "CREATE TABLE accounts (id text PRIMARY KEY, other text)",
        "INSERT INTO accounts SELECT 'account ' || i, 'account 1' FROM generate_series(1, 50) i",
        f"INSERT INTO accounts VALUES ('{known}', NULL)",
    )
    chain.policies = {"accounts": {"columns": {"id": "token", "other": "token"}}}
    processed = commands.stages(chain)
    token = hash_of("account 1", domain_key(bytes.fromhex(KEY), "token")).hex[:16]
    joined = "SELECT DISTINCT p.id FROM accounts c JOIN accounts p ON p.id = c.other"
    assert chain.query(chain.warehouse, joined) == [(f"t_{token}",)]
    checks = commands.validate(chain, processed).result["datasets"]["accounts"]["checks"]
    assert {"id obeys token", "key (id) is unique", "no original of id is left"} <= set(checks)
    chain.execute(chain.warehouse, f"UPDATE accounts SET id = '{known}' WHERE id = 't_{token}'")
    outcome = commands.validate(chain, processed)
    assert (outcome.code, "no original of id is left (1 rows" in outcome.error) == (65, True), outcome.stderr
