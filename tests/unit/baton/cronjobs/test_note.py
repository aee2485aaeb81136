"""What a task keeps about its CronJob."""

import pytest

from baton.cronjobs.run.note import Note, read_note


def test_note_is_read_as_it_was_written():
    """One builder, one reader."""
    note = Note("billing.export", "0 1 * * *", "Europe/Prague", ("first", "second"), "nightly")
    assert read_note(note.text()) == note


@pytest.mark.parametrize("text", [None, "", "no JSON", "[1]", "3", '{"kind": "somebody else\'s"}'])
def test_other_documentation_is_no_note(text):
    """`doc_json` is free for everybody."""
    assert read_note(text) is None
