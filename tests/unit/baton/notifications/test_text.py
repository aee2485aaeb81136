"""Texts of notifications are cut as the watch cuts them."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from baton.incidents.diagnostics.summary import message
from baton.notifications import text
from baton.notifications.question import QuestionNotifier
from baton_workloads.watch import text as of_the_watch

TEXT = st.text(st.characters() | st.sampled_from("&<e\u0301\u200d\u1100\u1161🇨🇿👧🏽\r\n"), max_size=60)


@given(TEXT, st.integers(1, 80))
def test_the_wheel_and_the_watch_cut_alike(words: str, limit: int):
    """They share no code, and have one rule."""
    assert text.end_of(words, limit) == of_the_watch.end_of(words, limit)
    assert text.beginning_of(words, limit) == of_the_watch.beginning_of(words, limit)


def test_the_end_of_long_problems_is_what_slack_gets():
    """The reason comes last."""
    sent = message(title="t" * 300, target="x", pods=[], problems=["p" * 4000, "THE REASON"], link="l", about="a")
    header, section, _ = (block["text"]["text"] for block in sent["blocks"])
    assert section.startswith("…")
    assert section.endswith("THE REASON")
    assert header == "t" * 139 + "…"


def test_the_end_of_a_long_question_is_what_slack_gets(monkeypatch):
    """What is asked comes last."""
    sent = {}
    operator = "airflow.providers.standard.operators.hitl.HITLOperator.generate_link_to_ui_from_context"
    monkeypatch.setattr(operator, lambda context: "http://a")
    monkeypatch.setattr("baton.notifications.question.post_message", lambda channel, content: sent.update(content))
    QuestionNotifier("#ops").notify({"task": SimpleNamespace(subject="s", body="w" * 4000 + " Restart it?")})
    assert sent["blocks"][1]["text"]["text"].endswith(" Restart it?")
    assert sent["blocks"][1]["text"]["text"].startswith("…")
