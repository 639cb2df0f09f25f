"""``subscriber add`` and ``edit``: categories, and how they may be written."""

from __future__ import annotations

import pytest

from tests.cli.conftest import ADA, Cli, entry


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("cs.CV;cs.LG", ["cs.CV", "cs.LG"]),
        (" cell   biology , q-bio.NC;;R&D,", ["cell biology", "q-bio.NC", "R&D"]),
        ("cs.IR,CS.ir,cs.IR", ["cs.IR"]),
        ("Künstliche Intelligenz,animal_behavior/cognition", ["Künstliche Intelligenz", "animal_behavior/cognition"]),
        ("x" * 60, ["x" * 60]),
        (" ", []),
    ],
)
def test_categories_are_parted_by_commas_and_semicolons_and_may_have_blanks(
    stocked: Cli, typed: str, kept: list[str]
) -> None:
    stocked("subscriber", "edit", ADA, "--categories", "cs.AI")
    assert stocked.json("subscriber", "edit", ADA, "--categories", typed)["categories"] == kept


def test_categories_that_no_paper_is_in_are_named_in_a_warning(stocked: Cli) -> None:
    stocked.load(entry(11, categories=["cell biology"]), entry(12, categories=["R&D"]))
    fitting = stocked("subscriber", "edit", ADA, "--categories", "Cell Biology, R&D, cs, cs.ro")
    assert fitting.err == ""
    for command in (["edit", ADA], ["add", "bela@example.org", "--json"]):
        odd = stocked("subscriber", *command, "--categories", "cell, cs.RO, cs RO, cs.R, cell biology")
        assert odd.err == "digestbot: no paper here is in the category cell, cs RO, cs.R; is that how it is written?\n"


def test_without_papers_nothing_is_said_of_categories(cli: Cli) -> None:
    assert cli("subscriber", "add", ADA, "--categories", "cs.IR", "--confirmed").err == ""
