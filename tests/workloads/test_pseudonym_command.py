"""`policy pseudonym`: find a person's rows in the warehouse."""

import pyarrow
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from baton_workloads.etl.cli import etl
from baton_workloads.etl.pseudonym import domain_key, hash_texts, pseudonym

KEY = "5a" * 32
LINES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=60)


def test_the_command_prints_one_pseudonym_a_line():
    """Values come by standard input, so that no shell history holds them."""
    command = ["policy", "pseudonym", "--domain", "customer"]
    done = CliRunner().invoke(etl, command, input="17\nŽofie\n", env={"BATON_PSEUDONYM_KEY": KEY})

    key = domain_key(bytes.fromhex(KEY), "customer")
    assert done.exit_code == 0
    assert done.output.split() == [str(pseudonym("17", key)), str(pseudonym("Žofie", key))]


@settings(deadline=None)  # the first example pays for the imports
@given(st.lists(LINES, min_size=1, max_size=5))
def test_one_value_gets_the_pseudonym_that_the_transform_gives_it(texts: list[str]):
    """The slow reference and the fast kernel agree on every text."""
    key = domain_key(bytes.fromhex(KEY), "customer")

    many = hash_texts(pyarrow.array(texts, pyarrow.large_string()), key)

    assert [pseudonym(text, key).hex for text in texts] == many.to_pylist()
