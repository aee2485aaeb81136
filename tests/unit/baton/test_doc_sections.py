"""Reading one part of a DAG's documentation."""

from baton.doc_sections import headings, section

DOC = "\n## What\nCopies.\n\n## If it fails\nClear it.\n\nThen wait.\n"


def test_section_ends_at_the_next_heading():
    """Only the part's own text is returned."""
    assert section(DOC, "What") == "Copies."
    assert section(DOC, "If it fails") == "Clear it.\n\nThen wait."


def test_a_heading_is_a_whole_line_of_its_level():
    """Words that only look like one are text."""
    doc = "## What\nSee ## If it fails\n### If it fails\nNo.\n\n## If it fails\nYes.\n### More\nToo.\n## Params"
    assert section(doc, "If it fails") == "Yes.\n### More\nToo."
    assert section(doc, "What").endswith("### If it fails\nNo.")
    assert section(doc, "Params") == ""


def test_missing_section_is_empty():
    """Whoever asks says what to write then."""
    assert section(DOC, "Params") == ""


def test_headings_come_in_their_order():
    """The order is part of the layout."""
    assert headings(DOC) == ("What", "If it fails")
