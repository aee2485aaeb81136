"""Texts are cut where a person sees no cut through a sign."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton_workloads.watch.text import MARK, beginning_of, clean, end_of

TEXT = st.text(st.characters() | st.sampled_from("&<>é\u0301\u200d\u1100\u1161🇨🇿👩👧🏽\r\n"), max_size=60)


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@given(TEXT, st.integers(1, 80))
def test_an_end_is_within_its_limit_and_is_the_end(text: str, limit: int):
    """Counted as it will be sent; marked where something is missing."""
    cut = end_of(text, limit, escaped)
    assert units(escaped(cut)) <= limit
    assert cut == text or (cut.startswith(MARK) and text.endswith(cut[1:]))


@given(TEXT, st.integers(1, 80))
def test_a_beginning_is_within_its_limit_and_is_the_beginning(text: str, limit: int):
    """The same from the other side."""
    cut = beginning_of(text, limit, escaped)
    assert units(escaped(cut)) <= limit
    assert cut == text or (cut.endswith(MARK) and text.startswith(cut[:-1]))


@pytest.mark.parametrize("sign", ["e\u0301", "👩\u200d👧", "👧🏽", "🇨🇿", "\u1112\u1161\u11ab", "\r\n", "ก็", "❤️"])
@pytest.mark.parametrize("limit", range(2, 40))
def test_no_sign_is_cut_in_two(sign: str, limit: int):
    """An accent, a family, a tone of skin, a flag, a Korean syllable."""
    whole = sign * 20
    for cut in (end_of(whole, limit), beginning_of(whole, limit)):
        assert cut == whole or cut.strip(MARK).replace(sign, "") == ""


@given(st.text(st.characters(codec=None), max_size=30))
def test_what_is_clean_can_be_encoded(text: str):
    """And keeps everything that could be before."""
    clean(text).encode()
    assert all(unicodedata.category(sign) == "Cs" for sign, kept in zip(text, clean(text), strict=True) if sign != kept)
