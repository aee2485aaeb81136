"""The installed Airflow still has what docs/airflow-internals.md says that Baton relies on."""

import sys
from types import ModuleType

import pytest
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from tests.unit.baton.airflow_internals.contract import Touch, read_touches, why_broken


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Using `httpx`")  # Airflow's own, at its imports
@pytest.mark.parametrize("touch", read_touches(), ids=lambda touch: touch.name)
def test_airflow_keeps(touch):
    """Else the message names what changed, and the section that says why it is needed and what can be switched off."""
    if broken := touch.broken():
        pytest.fail("\n".join(broken), pytrace=False)


class Base(DeclarativeBase):
    """Of a table like Airflow's."""


class Row(Base):
    """One."""

    __tablename__ = "row"
    id: Mapped[int] = mapped_column(primary_key=True)


class Part:
    """A class as Airflow has them."""

    declared: int

    def __init__(self, first):
        self.assigned = first

    def method(self, a, b=1):
        """Do nothing."""

    @classmethod
    def made(cls, a):
        """Do nothing."""

    @property
    def shown(self):
        """Nothing."""


@pytest.fixture
def changed(monkeypatch):
    """An Airflow of another version."""
    module = ModuleType("airflow_changed")
    module.Row, module.Part, module.function = Row, Part, lambda a, *, b, c=1, **more: None
    monkeypatch.setitem(sys.modules, module.__name__, module)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("airflow_changed", ""),
        ("airflow_changed:Part.method(a, b)", ""),
        ("airflow_changed:Part.method(a, ...)", ""),
        ("airflow_changed:Part.made(a)", ""),
        ("airflow_changed:Part.shown", ""),
        ("airflow_changed:Part.declared", ""),
        ("airflow_changed:Part.assigned", ""),
        ("airflow_changed:Part.__init__(first)", ""),
        ("airflow_changed:Row.id", ""),
        ("airflow_changed:function(a, b, other, ...)", ""),
        ("airflow_gone:Part", "the module cannot be imported (No module named 'airflow_gone')"),
        ("airflow_changed:Other", "there is no Other"),
        ("airflow_changed:Part.other", "there is no other"),
        ("airflow_changed:Row.name", "table row has no column name"),
        ("airflow_changed:Part.method(a)", "it has also b"),
        ("airflow_changed:Part.method(a, b, c)", "it has no parameter c"),
        ("airflow_changed:function(a, ...)", "it has also to be given b"),
        ("airflow_changed:Part.method(a", "the line cannot be read"),
    ],
)
def test_a_change_is_told_in_words(changed, line, why):
    """A name, a column or a parameter that is gone, and one more that has to be given."""
    assert why_broken(line) == why


def test_a_broken_contract_names_itself(changed):
    """So that nobody has to look for the page."""
    touch = Touch("some-part", "```contract\nairflow_changed:Row.name\n```\n")
    where = "see docs/airflow-internals.md#some-part"
    assert touch.broken() == [f"Airflow changed airflow_changed:Row.name: table row has no column name; {where}"]
