"""Bibliographies: BibTeX, RIS and CSL-JSON as programs write them, and what one paper is in all of them."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from digestbot.models import Paper
from digestbot.sources import bibtex, ris
from digestbot.sources.files import read_papers
from digestbot.sources.latex import plain_text
from tests.factories import DAY
from tests.sources.bibliography_texts import entry, item, papers, record

# The last day that no digest looks back to.
PAST = DAY - timedelta(days=15)
DATA = Path(__file__).resolve().parents[1] / "data"


@pytest.mark.parametrize("ending", ["bib", "ris", "json"])
def test_one_library_is_the_same_papers_in_every_format(ending: str) -> None:
    batch = read_papers(DATA / f"library.{ending}", default_day=DAY)
    assert batch.skipped == []
    assert [(one.id, one.title, one.authors, one.announced, one.doi) for one in batch.papers] == [
        ("arxiv:2503.02130", "Sparse Retrieval of Owls", ("Ada Quill", "Bela Vane"), date(2025, 3, 31), ""),
        (
            "arxiv:2212.04172",
            "Night Vision in Birds of $O(n^2)$ Feathers",
            ("Bela Vane", "József Müller"),
            date(2022, 12, 8),
            "10.48550/arxiv.2212.04172" if ending == "bib" else "",
        ),
        (
            "doi:10.5555/owls.2019.17",
            "On the Wings of the Common Stork",
            ("Cleo Stork",),
            date(2019, 4, 30),
            "10.5555/owls.2019.17",
        ),
        (
            "file:" + batch.papers[3].id.removeprefix("file:"),
            "The Marsh and Its Many Singers",
            ("Dora Reed",),
            date(1999, 12, 31),
            "",
        ),
    ]
    assert batch.papers[3].id == read_papers(DATA / "library.bib", default_day=DAY).papers[3].id


def test_the_page_of_a_paper_is_its_own_address_or_follows_from_its_id() -> None:
    assert entry("eprint = {2503.02130}").url == "https://arxiv.org/abs/2503.02130"
    assert entry("doi = {10.5555/a}").url == "https://doi.org/10.5555/a"
    assert entry(r"url = {\url{https://example.org/a\_b%20c~d}}").url == "https://example.org/a_b%20c~d"
    assert entry("url = {javascript:alert(1)}").url == ""
    assert record("UR  - ftp://example.org/ https://example.org/b").url == "https://example.org/b"


@pytest.mark.parametrize(
    "fields",
    [
        "eprint = {2212.04172}",
        "eprint = {2212.04172v3}, archivePrefix = {arXiv}",
        "eprint = {arXiv:2212.04172}, eprinttype = {arXiv}",
        "eprint = {2212.04172 [cs, eess]}, eprinttype = {arxiv}",
        "eprint = {https://arxiv.org/abs/2212.04172}",
        'Eprint = "2212.04172"',
        "doi = {10.48550/arXiv.2212.04172}",
        "DOI = {https://doi.org/10.48550/ARXIV.2212.04172}",
        "number = {{arXiv}:2212.04172}",
        "number = {arXiv:2212.04172v2}, doi = {10.5555/owls}",
        "note = {arXiv:2212.04172 [cs]}",
        "note = {Preprint, arXiv: 2212.04172.}",
        "journal = {arXiv preprint arXiv:2212.04172}",
        "journal = {arXiv e-prints}, eid = {arXiv:2212.04172}",
        "journal = {arXiv}, number = {2212.04172}",
        "journal = {CoRR}, volume = {abs/2212.04172}",
        "url = {http://arxiv.org/pdf/2212.04172v1.pdf}",
        "howpublished = {\\url{https://arxiv.org/abs/2212.04172}}",
        "pages = {arXiv:2212.04172}, doi = {10.5555/owls}",
    ],
)
def test_an_arxiv_id_is_found_wherever_programs_put_it(fields: str) -> None:
    assert entry(fields).id == "arxiv:2212.04172"


@pytest.mark.parametrize(
    ("fields", "identifier"),
    [
        ("eprint = {hep-th/9711200}", "arxiv:hep-th/9711200"),
        ("eprint = {math.AG/0309136}", "arxiv:math/0309136"),
        ("eprint = {0309136}, archivePrefix = {arXiv}, primaryClass = {math.AG}", "arxiv:math/0309136"),
        ("volume = {abs/cs/0101001}", "arxiv:cs/0101001"),
        ("eprint = {2503.02130}", "arxiv:2503.02130"),
        ("number = 2503.02130, journal = arXiv", "arxiv:2503.02130"),
        ("eprint = {12345678}, eprinttype = {pubmed}, doi = {10.5555/Owls}", "doi:10.5555/owls"),
        ("number = {2503.02130}, doi = {10.5555/owls}", "doi:10.5555/owls"),
        ("url = {https://doi.org/10.5555/owls}", "doi:10.5555/owls"),
        (r"doi = {10.5555/owls\_1}", "doi:10.5555/owls_1"),
    ],
)
def test_what_names_the_paper_is_taken_in_the_order_of_trust(fields: str, identifier: str) -> None:
    assert entry(fields).id == identifier


@pytest.mark.parametrize(
    "lines",
    [
        ("M1  - arXiv:2212.04172",),
        ("N1  - arXiv:2212.04172 [cs]",),
        ("JO  - arXiv preprint arXiv:2212.04172",),
        ("VL  - abs/2212.04172", "JO  - CoRR"),
        ("SP  - arXiv:2212.04172", "DO  - 10.5555/owls"),
        ("DO  - 10.48550/arXiv.2212.04172",),
        ("UR  - https://example.org/a;b", "UR  - https://arxiv.org/abs/2212.04172"),
    ],
)
def test_an_arxiv_id_is_found_in_ris(lines: tuple[str, ...]) -> None:
    assert record(*lines).id == "arxiv:2212.04172"


@pytest.mark.parametrize(
    "fields",
    [
        {"number": "arXiv:2212.04172"},
        {"note": "Comment: 5 pages\narXiv:2212.04172 [cs]"},
        {"URL": "http://arxiv.org/abs/2212.04172"},
        {"DOI": "10.48550/arXiv.2212.04172"},
        {"archive": "arXiv", "archive_location": "2212.04172"},
        {"container-title": ["arXiv preprint arXiv:2212.04172"]},
    ],
)
def test_an_arxiv_id_is_found_in_csl(fields: dict[str, Any]) -> None:
    assert item(**fields).id == "arxiv:2212.04172"


@pytest.mark.parametrize(
    "note",
    [
        "Preliminary version of arXiv:2001.00001 by other people",
        "See also https://arxiv.org/abs/2001.00001",
        "arXiv:2001.00001 is a reply to this",
        "Extends\n arXiv:2001.00001",
    ],
)
def test_a_note_about_another_paper_does_not_make_this_one_that_paper(note: str) -> None:
    for doi, identifier in (("10.5555/owls", "doi:10.5555/owls"), ("", "file:")):
        assert entry(f"doi = {{{doi}}}, note = {{{note}}}").id.startswith(identifier)
        assert entry(f"doi = {{{doi}}}, annote = {{{note}}}").id.startswith(identifier)
        assert record(f"DO  - {doi}", f"N1  - {note}").id.startswith(identifier)
        assert item(DOI=doi, note=note.replace("\n", "")).id.startswith(identifier)


def test_a_note_that_is_an_arxiv_id_goes_before_the_doi_of_the_publisher() -> None:
    for note in ("arXiv:2212.04172v2 [cs]", "arXiv preprint arXiv:2212.04172", "arXiv:2212.04172, 12 pages"):
        assert entry(f"doi = {{10.5555/owls}}, note = {{{note}}}").id == "arxiv:2212.04172"
        assert record("DO  - 10.5555/owls", f"N1  - {note}").id == "arxiv:2212.04172"
        assert item(DOI="10.5555/owls", note=note).id == "arxiv:2212.04172"


def test_a_number_that_lost_its_zeros_is_no_id() -> None:
    assert item(number=2503.02130, publisher="arXiv", DOI="10.5555/owls").id == "doi:10.5555/owls"


def test_without_any_name_the_id_follows_from_title_and_authors() -> None:
    one = entry("author = {Quill, Ada}")
    assert one.id.startswith("file:")
    assert record("AU  - Ada Quill").id == item(author=[{"literal": "Ada Quill"}]).id == one.id
    assert record("AU  - Bela Vane").id != one.id
    [short] = papers(bibtex.parse, "@misc{a, title={Reply}}")
    [again] = papers(ris.parse, "TY  - GEN\nTI  - reply\nER  - ")
    assert short.id == again.id
    assert short.id.startswith("file:")


@pytest.mark.parametrize(
    ("fields", "announced"),
    [
        ("date = {2023-06-29}", date(2023, 6, 29)),
        ("date = {2023-06-29T10:00:00Z}", date(2023, 6, 29)),
        ("date = {2004-01/2004-06}", date(2004, 1, 31)),
        ("year = 2020, month = feb", date(2020, 2, 29)),
        ("year = {2020}, month = {February}, day = 3", date(2020, 2, 3)),
        ("year = {2020}, month = 2 # {~14}", date(2020, 2, 14)),
        ("year = {2020}, month = {13}", date(2020, 12, 31)),
        ("date = {2021-02-30}", date(2021, 2, 28)),
        ("year = {2021}, date = {2021-03}", date(2021, 3, 31)),
        ("year = {c2014a}", date(2014, 12, 31)),
        ("year = {in press}", PAST),
        ("year = {0000}", PAST),
        ("", PAST),
        (f"year = {{{DAY.year}}}", date(DAY.year, 1, 1)),
        (f"year = {{{DAY.year}}}, month = {DAY.month}", DAY.replace(day=1)),
        (f"year = {{{DAY.year}}}, eprint = {{{DAY:%y}02.02130}}", date(DAY.year, 2, 28)),
        ("year = {2021}, eprint = {2302.02130}", date(2021, 12, 31)),
        (f"date = {{{DAY:%Y-%m-%d}}}", DAY),
        ("date = {2031-02-03}", PAST),
        ("year = {2031}", PAST),
        ("eprint = {2302.02130}", date(2023, 2, 28)),
        (f"eprint = {{{DAY:%y%m}.02130}}", DAY.replace(day=1)),
        ("eprint = {2399.02130}", PAST),
    ],
)
def test_what_a_date_leaves_open_is_never_a_day_of_now(fields: str, announced: date) -> None:
    assert entry(fields).announced == announced


@pytest.mark.parametrize("written", ["date = {2024-12}", "year = {2024}", "year = {2025}", "date = {2025-01}"])
def test_a_date_that_leaves_the_day_open_is_too_old_for_a_digest_also_after_new_year(written: str) -> None:
    day = date(2025, 1, 5)
    [found] = bibtex.parse(f"@misc{{a, title={{Owls}}, {written}}}".encode(), name="x", default_day=day)
    assert isinstance(found, Paper)
    assert found.announced == day - timedelta(days=15)


@pytest.mark.parametrize(
    ("lines", "announced"),
    [
        (("PY  - 2014//",), date(2014, 12, 31)),
        (("Y1  - 2014/05//",), date(2014, 5, 31)),
        (("PY  - 2014/05/06/spring",), date(2014, 5, 6)),
        (("PY  - 2014", "DA  - 2014/05/06"), date(2014, 5, 6)),
        (("PY  - 2014", "DA  - MAY 6"), date(2014, 12, 31)),
    ],
)
def test_dates_of_ris(lines: tuple[str, ...], announced: date) -> None:
    assert record(*lines).announced == announced


@pytest.mark.parametrize(
    ("issued", "announced"),
    [
        ({"date-parts": [["2023", 6, 29]]}, date(2023, 6, 29)),
        ({"date-parts": [["2023", "06"]]}, date(2023, 6, 30)),
        ({"date-parts": [[2023]]}, date(2023, 12, 31)),
        ({"date-parts": [[None]]}, PAST),
        ({"date-parts": []}, PAST),
        ({"raw": "2023-06-29"}, date(2023, 6, 29)),
        ("2023", date(2023, 12, 31)),
        (7, PAST),
    ],
)
def test_dates_of_csl(issued: object, announced: date) -> None:
    assert item(issued=issued).announced == announced


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"{\"o} \"{o} \"o {\'E}cole \'Ecole", "ö ö ö École École"),
        (r"\o \ss{} {\L}ukasz \v{s} \c{c} \'{\i} {\aa}", "øß Łukasz š ç í å"),
        (r"{{Deep} {L}earning}", "Deep Learning"),
        (r"\emph{Owls} \textbf{at \textit{Night}}", "Owls at Night"),
        (r"Bounds of $O(n^2 \log n)$ and \(x_1\)", r"Bounds of $O(n^2 \log n)$ and $x_1$"),
        (r"\alpha-divergence \& 50\% of~all", "α-divergence & 50% of all"),
        (r"50% of owls -- ``quoted'' --- a\_b", "50% of owls – “quoted” — a_b"),
        (r"Owls \cite{quill} see \textgreater{} \LaTeX", "Owls  see > LaTeX"),
        (r"{unclosed \frac \sqrt[ $ \'", "unclosed [ $ '"),
        ("no LaTeX at all, \u00e9", "no LaTeX at all, \u00e9"),
    ],
)
def test_latex_reads_as_what_it_means(latex: str, text: str) -> None:
    assert plain_text(latex) == text


def test_titles_and_abstracts_are_one_line_without_markup() -> None:
    [found] = papers(
        ris.parse,
        "TY  - JOUR\nTI  - Owls &amp; H<sub>2</sub>O\nAB  - <p>If a < b,\nthen</p><p>c.</p>\nER  - ",
    )
    assert (found.title, found.abstract) == ("Owls & H2O", "If a < b, then c.")


def test_names_are_given_name_first_and_braces_keep_them_whole() -> None:
    written = (
        r"Quill, Ada and {Barnes and Noble} and van Reed, Jr., Dora and family=Stork, given=Cleo, prefix=de and others"
    )
    assert entry(f"author = {{{written}}}").authors == (
        "Ada Quill",
        "Barnes and Noble",
        "Dora van Reed Jr.",
        "Cleo de Stork",
    )
    assert record("AU  - Quill, Ada, Jr.", "AU  - Owl Consortium").authors == ("Ada Quill Jr.", "Owl Consortium")
    beethoven = {"family": "Beethoven", "given": "Ludwig", "non-dropping-particle": "van"}
    assert item(author=[beethoven, {"literal": "Owl Consortium"}]).authors == ("Ludwig van Beethoven", "Owl Consortium")


def test_categories_are_those_of_arxiv_and_not_bare_archives() -> None:
    assert entry("eprint = {2212.04172 [cs, eess.IV]}, primaryClass = {cs.LG}").categories == ("cs.LG", "eess.IV")
    assert entry("eprint = {hep-th/9711200}, primaryClass = {hep-th}").categories == ("hep-th",)


def test_the_same_paper_twice_in_a_file_is_one(tmp_path: Path) -> None:
    path = tmp_path / "twice.bib"
    path.write_text("@misc{a, title={Old}, eprint={2212.04172v1}}\n@misc{a, title={New}, note={arXiv:2212.04172}}\n")
    [found] = read_papers(path, default_day=DAY).papers
    assert (found.id, found.title) == ("arxiv:2212.04172", "New")


def test_a_subtitle_belongs_to_the_title() -> None:
    [found] = papers(bibtex.parse, "@article{key, title={Owls}, subtitle={A Survey}}")
    assert found.title == "Owls: A Survey"
