"""What tells works apart, and what does not: titles, names, and who gives ids."""

from __future__ import annotations

import pytest

from digestbot.identifiers import may_be_one, title_key

TITLE = "A title of four words"


def same(one: str, other: str) -> bool:
    keys = [title_key(title, ("Ada Quill",)) for title in (one, other)]
    assert all(keys)
    return keys[0] == keys[1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"Lifetime of the $\Lambda_b^0$ baryon", r"Lifetime of the $\Xi_b^0$ baryon"),
        (r"The decay of $K^+$ mesons", r"The decay of $K^-$ mesons"),
        (r"The decay of $K^{+}$ mesons", r"The decay of $K^{*+}$ mesons"),
        ("The decay of K+ mesons", "The decay of K- mesons"),
        ("The decay of K⁺ mesons", "The decay of K⁻ mesons"),
        (r"At an energy of $10^{3}$ eV", r"At an energy of $10^{-3}$ eV"),
        ("A fast compiler for C++", "A fast compiler for C"),
        ("A fast compiler for C#", "A fast compiler for C"),
        (r"Networks of $\ell_1$ norm weights", r"Networks of $L_1$ norm weights"),
    ],
)
def test_what_a_title_is_about_tells_it_apart(one: str, other: str) -> None:
    assert not same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"The decay of $K^{+}$ mesons", "The decay of K⁺ mesons"),
        (r"The decay of $\mathrm{K}^+$ mesons", "The decay of K+ mesons"),
        (r"Collisions at $\sqrt{s}=13$ TeV in winter", "Collisions at √s = 13 TeV in winter"),
        (r"The search for $B \to K$ decays", "The search for B → K decays"),
        (r"\textbf{Owls} of the \emph{north} wood", "Owls of the north wood"),
        ("Pre-training of the owls", "PRE TRAINING OF THE OWLS!"),
        ("Networks and trees: CNN+LSTM", "Networks and trees: CNN + LSTM"),
        ("The owls of Łódź", "The owls of Lodz"),
    ],
)
def test_how_a_title_is_written_does_not(one: str, other: str) -> None:
    assert same(one, other)


@pytest.mark.parametrize("title", ["Reply to all", "Erratum to C++", "The decay $B^+$", ""])
def test_signs_do_not_make_a_short_title_long_enough(title: str) -> None:
    assert title_key(title, ("Ada Quill",)) == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Laurens van der Maaten", "van der Maaten, Laurens"),
        ("John Smith Jr.", "Smith, John"),
        ("John Smith Jr.", "Smith Jr., John"),
        ("Ana Garcia-Lopez", "García-López, A."),
        ("Anders Søgaard", "Anders Sogaard"),
        ("Łukasz Kaiser", "Kaiser, Lukasz"),
        ("Jan Groß", "Jan Gross"),
        ("LHCb Collaboration", "The LHCb collaboration"),
        ("LHCb Collaboration", "Collaboration, LHCb"),
    ],
)
def test_one_author_has_one_key(one: str, other: str) -> None:
    assert title_key(TITLE, (one,)) == title_key(TITLE, (other,)) != ""


@pytest.mark.parametrize(
    ("one", "other"), [("LHCb Collaboration", "CMS Collaboration"), ("Qwen Team", "Gemma Team"), ("A Quill", "A Vane")]
)
def test_two_authors_have_two(one: str, other: str) -> None:
    assert title_key(TITLE, (one,)) != title_key(TITLE, (other,))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("arxiv:2505.00001", "arxiv:2505.00002", False),
        ("arxiv:2505.00001", "doi:10.5555/1", True),
        ("doi:10.5555/1", "doi:10.5555/2", False),
        ("doi:10.5555/1", "doi:10.7777/1", True),
        ("doi:10.1101/2024.01.01.573000", "doi:10.64898/2025.01.01.573001", False),
        ("doi:10.1101/2020.02.07.20021154", "doi:10.1101/573000", False),
        ("doi:10.1101/2024.01.01.573000", "doi:10.1101/gr.279000.124", True),
        ("doi:10.1101/gad.351.124", "doi:10.1101/gr.279000.124", False),
        ("feed:1", "feed:2", True),
    ],
)
def test_who_gives_ids_gives_each_work_one(one: str, other: str, expected: bool) -> None:
    assert may_be_one(one, other) is may_be_one(other, one) is expected


def test_an_equal_title_of_two_entries_of_one_place_is_no_sign() -> None:
    assert not may_be_one("feed:1", "feed:2", by_title=True)
    assert may_be_one("feed:1", "blog:2", by_title=True)
    assert may_be_one("feed:1", "feed:1", by_title=True)
