"""Which columns a first policy may keep: judged by type and words of names, each verdict with its reason.

Only what is on a list is kept; whatever is not known is dropped. In a table whose rows are persons (by its name, or by
what it holds of each) hardly anything is: a number or a state says something about somebody there, and a few of them
together find the one who fits.
"""

import re
from dataclasses import dataclass

from baton_workloads.etl.manifest import Column
from baton_workloads.etl.rules.base import FLOATS, INTEGERS, TEXTS
from baton_workloads.etl.rules.generalise import DATES

WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")

# A table with one of these words in its name, or with one of those columns, is about persons: one row says of one of
# them what is nobody else's business.
PERSONS = frozenset(
    """person persons people user users customer customers employee employees staff member members patient patients
    student students contact contacts client clients passenger passengers actor actors author authors artist artists
    address addresses residence residences home homes household households guest guests driver drivers supplier
    suppliers vendor vendors lead leads subscriber subscribers profile profiles signer signers resident residents
    tenant tenants teacher teachers doctor doctors owner owners agent agents applicant applicants candidate
    candidates friend friends account accounts login logins session sessions visitor visitors player players donor
    donors voter voters child children parent parents family families kunde kunden mitarbeiter personen adresse
    adressen benutzer cliente clientes usuario usuarios empleado empleados utilisateur utilisateurs zakaznik
    zakaznici osoba osoby payroll payrolls salaries wages paycheck paychecks diagnosis diagnoses prescription
    prescriptions treatment treatments appointment appointments exam exams grade grades loan loans claim claims
    donation donations absence absences vacation vacations complaint complaints offence offences arrest arrests
    crime crimes vitals vaccination vaccinations allergy allergies interview interviews""".split()
)
OF_PERSONS = frozenset(
    """birth birthday birthdate birthplace born dob gender sex marital religion nationality surname lastname firstname
    salary ssn passport pronouns ethnicity height_cm blood disability pregnant deceased""".split()
)
PERSONAL = OF_PERSONS | frozenset(
    """age income credit risk score loyalty bonus pin phone mobile fax mail email iban card zip postal postcode street
    city latitude longitude lat lon ip token password secret salutation consent medical health diagnosis criminal
    political union orientation married single divorced widowed male female""".split()
)

COUNTERS = frozenset("version priority position attempt attempts sequence sort".split())
COUNTER_NAMES = frozenset({"line_number", "sort_order", "on_hand", "reserved"})
NUMBERS = frozenset(
    """price cost amount total subtotal tax vat fee freight discount quantity qty count weight length width depth height
    size bytes duration minutes seconds milliseconds hours year rating stock units level rate minimum maximum reorder
    capacity volume mass""".split()
)
STATES = frozenset(
    """status state method queue side currency type kind priority severity outcome channel category genre rating mode
    phase stage tier direction""".split()
)
EVENTS = frozenset(
    """created updated modified changed deleted placed shipped delivered ordered paid captured booked closed opened
    started finished ended released published due received processed scheduled sent expires expired counted rented
    returned required added invoice order payment rental return release update ship""".split()
)
FLAGS = frozenset(
    """active deleted archived default enabled public visible published paid discontinued available locked closed open
    current primary""".split()
)
CODES = frozenset(
    {"currency", "currency_code", "language", "language_code", "category", "genre", "event_type", "unit_of_measure"}
)
COUNTRIES = frozenset({"country", "country_code"})
PLACES = frozenset("street city postal postcode zip address region town".split())

LETTERS_OF_A_PLACE = 3  # at most, in codes of countries and of their parts

KEEP, MONTH = "keep", "{rule: generalise_date, to: month}"


@dataclass(frozen=True)
class Surroundings:
    """What is known of a column's table.

    :param labels: of the enumerations that its columns have, by column.
    """

    about_persons: bool
    has_places: bool
    labels: dict[str, list[str]]


def words(name: str) -> list[str]:
    """Take a name apart: ``UnitPrice`` and ``unit_price`` are the same words in lower case."""
    return [word.lower() for word in WORD.findall(name)]


def surroundings(table: str, columns: list[Column], labels: dict[str, list[str]]) -> Surroundings:
    """Judge a table by its name, without the schema, and its columns."""
    inside = [set(words(column.name)) for column in columns]
    named = any({"first", "last", "given", "family", "middle", "maiden"} & each and "name" in each for each in inside)
    about = bool(PERSONS & set(words(table))) or named or any(OF_PERSONS & each for each in inside)
    return Surroundings(about, any(PLACES & each for each in inside), labels)


def judged(column: Column, around: Surroundings) -> tuple[str, str]:
    """Give the rule of a column that is in no key, and why."""
    said, name = words(column.name), "_".join(words(column.name))
    numeric = column.udt in INTEGERS | FLOATS | {"numeric", "interval"}
    if column.udt in INTEGERS and (name in COUNTER_NAMES or (said and said[-1] in COUNTERS)):
        return KEEP, "counts or orders"
    if column.udt == "bool" and set(said) <= FLAGS | {"is", "has"} and FLAGS & set(said):
        return KEEP, "a state of the row"
    if around.about_persons:
        return "drop", f"the table is about persons; {_would_fit(column)}"
    if PERSONAL & set(said):
        return "drop", f"its name sounds personal; {_would_fit(column)}"
    if numeric and NUMBERS & set(said):
        return KEEP, "an amount or a measure"
    if column.udt == "enum" and said and said[-1] in STATES:
        return _of_labels(column, around.labels.get(column.name, []))
    if column.udt in DATES and EVENTS & set(said):
        return MONTH, "when something happened; an exact time may find a person"
    if column.udt in TEXTS and (name in CODES or (name in COUNTRIES and not around.has_places)):
        return KEEP, "a code of a list"
    return "drop", _would_fit(column)


def _of_labels(column: Column, labels: list[str]) -> tuple[str, str]:
    spoken = {word for text in (*labels, column.type) for word in words(text)}
    if PERSONAL & spoken:
        return "drop", f"its values sound personal; {_would_fit(column)}"
    if words(column.name)[-1] == "state" and all(len(label) <= LETTERS_OF_A_PLACE for label in labels):
        return "drop", f"its values look like codes of places; {_would_fit(column)}"
    return KEEP, "a state of a process"


def _would_fit(column: Column) -> str:
    said = set(words(column.name))
    if column.udt in TEXTS:
        if {"mail", "email"} & said:
            return "an address; mask_email or pseudonym would fit"
        if {"phone", "mobile", "fax"} & said:
            return "a number; mask_phone would fit"
        return "text may name a person; pseudonym or keep would fit"
    if column.udt in DATES:
        return "a date may find a person; generalise_date would fit"
    if column.udt in {"json", "jsonb", "xml", "bytea"} or column.udt.startswith("_"):
        return "may hold anything; a view that takes its harmless parts would fit"
    if column.udt in INTEGERS | FLOATS | {"numeric"}:
        return "a number may find a person; generalise_number or keep would fit"
    if column.udt == "other":
        return "a type that the warehouse does not know; a view that makes text of it would fit"
    return "not known to be harmless; keep would fit"
