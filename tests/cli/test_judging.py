"""``evaluate --history``: how good the digests of this installation were, in a terminal, as JSON and as a page."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Literal

import pytest

from digestbot.models import SubscriberState
from digestbot.store import Preferences
from tests.cli.conftest import Cli
from tests.factories import DAY, NOW, new_store
from tests.ranking.library import PROTEINS, ROBOTS, SPEECH, on

ODD = "b&la<1@example.org".replace("<", "'")
# Four, since a word in a third of all papers says nothing.
SUBJECTS = (ROBOTS, PROTEINS, SPEECH, "planet orbit telescope galaxy stellar dust comet eclipse")
VOID = {"meta", "line", "circle", "path", "rect", "br"}


class Page(HTMLParser):
    """Which elements a page has, and whether each is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def stock(cli: Cli, likes: Iterable[tuple[str, str, int, Literal[1, 0, -1]]]) -> None:
    """Store papers of three weeks, one of each subject a day, and ratings: who, of which subject, on which day."""
    store = new_store(cli.folder / "digestbot.sqlite")
    papers = {
        (subject, day): on(
            subject,
            day * 80 + place * 10,
            announced=DAY + timedelta(days=day),
            authors=(f"Ada Quill the {day}{place}",),
        )
        for day in range(21)
        for place, subject in enumerate(SUBJECTS)
    }
    store.papers.add(papers.values(), NOW)
    readers: dict[str, int] = {}
    for email, subject, day, value in likes:
        if email not in readers:
            readers[email] = store.subscribers.add(email, SubscriberState.ACTIVE, Preferences(), NOW).id
        rated = {papers[subject, day].id: value}
        store.ratings.record(readers[email], rated, now=NOW + timedelta(days=day), origin="cli")
    store.close()


@pytest.fixture
def past(cli: Cli) -> Cli:
    """An installation with two readers: one who always likes the same, and one who does not."""
    ada = [("ada@example.org", ROBOTS, day, 1) for day in range(0, 20, 2)]
    odd = [(ODD, (ROBOTS, PROTEINS, SPEECH)[day % 3], day, -1 if day == 4 else 1) for day in range(8)]
    stock(cli, [*ada, *odd])  # type: ignore[list-item]
    return cli


def test_each_subscriber_has_a_line_the_worst_first_and_the_last_is_for_all(past: Cli) -> None:
    found = past("evaluate", "--history")
    lines = [line.split() for line in found.out.splitlines() if line.strip()]
    assert [line[0] for line in lines[2:5]] == [ODD, "ada@example.org", "all"]
    assert lines[3][1:5] == ["9", "of", "10", "1.000"]
    assert "more than trending: nDCG@10 " in found.out
    assert "more than mean of likes: nDCG@10 " in found.out
    assert found.err == ""


def test_json_has_the_same_for_programs(past: Cli) -> None:
    found = past.json("evaluate", "--history")
    assert (found["first"], found["last"]) == ("2025-05-27", "2025-06-14")
    assert (found["window_days"], found["ahead_days"]) == (3, 7)
    ada, odd = found["subscribers"]
    assert (ada["email"], ada["days"], ada["days_replayed"]) == ("ada@example.org", 9, 10)
    assert ada["profile"] == {"nDCG@10": 1.0, "hits@5": 1.0, "days_with_hit": 1.0}
    assert ada["sent"] == {"digests": 0, "papers": 0, "liked": 0, "disliked": 0, "unrated": 0}
    whole = found["all"]
    assert (whole["subscribers"], whole["days"]) == (2, ada["days"] + odd["days"])
    both = [one["profile"]["nDCG@10"] for one in (ada, odd)]
    assert whole["profile"]["nDCG@10"]["mean"] == pytest.approx(sum(both) / 2, abs=1e-5)
    gain = whole["more_than"]["trending"]["nDCG@10"]
    rivals = [one["trending"]["nDCG@10"] for one in (ada, odd)]
    assert gain["mean"] == pytest.approx((sum(both) - sum(rivals)) / 2, abs=1e-5)
    assert gain["standard_error"] > 0
    assert [week["monday"] for week in found["weeks"]] == ["2025-05-26", "2025-06-02", "2025-06-09"]
    assert sum(week["likes"] for week in found["weeks"]) == 17
    assert sum(week["dislikes"] for week in found["weeks"]) == 1


def test_since_until_and_window_narrow_it(past: Cli) -> None:
    found = past.json("evaluate", "--history", "--since", "2025-06-05", "--until", "2025-06-08", "--window", "1")
    assert (found["first"], found["last"], found["window_days"]) == ("2025-06-06", "2025-06-08", 1)
    assert [one["days"] for one in found["subscribers"]] == [2, 0]
    nothing = past("evaluate", "--history", "--since", "2025-07-01")
    assert "no day counts" in nothing.out


def test_without_a_rating_it_says_so(cli: Cli) -> None:
    page = cli.folder / "report.html"
    found = cli("evaluate", "--history", "--plot", str(page))
    assert found.out == "nothing to judge by: no subscriber has rated a paper yet\n"
    assert not page.exists()
    value = cli.json("evaluate", "--history")
    assert (value["subscribers"], value["all"], value["weeks"]) == ([], None, [])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "name a run and its judgements with --run and --qrels, or ask for --history"),
        (["--run", "FILE"], "name a run and its judgements with --run and --qrels"),
        (["--qrels", "FILE"], "name a run and its judgements with --run and --qrels"),
        (["--history", "--run", "FILE"], "leave out --run and --qrels, or --history"),
        (["--history", "--qrels", "FILE"], "leave out --run and --qrels, or --history"),
        (["--run", "FILE", "--qrels", "FILE", "--plot", "a.html", "--window", "3"], "--window, --plot: only with"),
        (["--run", "FILE", "--qrels", "FILE", "--since", "2025-06-01"], "--since: only with --history"),
        (["--history", "--since", "June"], "--since 'June' is not a day; use YYYY-MM-DD"),
        (["--history", "--until", "20250601"], "--until '20250601' is not a day"),
        (["--history", "--since", "2025-06-02", "--until", "2025-06-01"], "--since 2025-06-02 is after --until"),
        (["--history", "--window", "0"], "--window"),
        (["--history", "--window", "15"], "--window"),
        (["--history", "--plot", "report.png"], "name a file that ends in .html"),
        (["--history", "--plot", "no/such/report.html"], "there is no folder no/such"),
    ],
)
def test_wrong_usage_exits_2_and_says_what_to_do(cli: Cli, arguments: list[str], says: str) -> None:
    file = cli.folder / "file"
    file.write_text("")
    found = cli("evaluate", *(one.replace("FILE", str(file)) for one in arguments), code=2)
    assert says in found.err
    assert found.out == ""
    assert not (cli.folder / "digestbot.sqlite").exists()


def report(cli: Cli, *arguments: str) -> tuple[str, Page]:
    path = cli.folder / "report.html"
    cli("evaluate", "--history", "--plot", str(path), *arguments)
    text = path.read_text(encoding="utf-8")
    return text, Page(text)


def test_the_page_is_whole_by_itself_without_script_or_anything_from_elsewhere(past: Cli) -> None:
    text, page = report(past)
    assert page.open == []
    assert {"script", "link", "img", "iframe", "form"}.isdisjoint(page.tags)
    assert page.links == []
    assert "http" not in re.sub(r"xmlns=\"[^\"]*\"", "", text)
    assert page.tags.count("svg") == 4
    assert "prefers-color-scheme:dark" in text


def test_the_page_says_what_the_terminal_says(past: Cli) -> None:
    text, page = report(past)
    value = past.json("evaluate", "--history")
    profile = value["all"]["profile"]["nDCG@10"]
    assert f"{profile['mean']:.3f} ± {profile['standard_error']:.3f}" in page.text
    assert "27 May 2025 to 14 June 2025" in page.text
    assert f"{value['all']['days']} days of 2 subscribers" in page.text
    for week in value["weeks"]:
        assert week["monday"] in page.text
    # An address may have characters that HTML is made of.
    assert ODD in page.text
    assert "b&la" not in text
    # What the circle of a profile stands for is where it stands: at 1, the right end of the scale.
    [at_1] = {float(one) for one in re.findall(r'x="([\d.]+)" y="[\d.]+">1</text>', text) if float(one) > 300}
    assert f'<circle class="own" cx="{at_1}"' in text


def test_likes_stand_above_the_line_and_dislikes_below(past: Cli) -> None:
    text, _ = report(past)
    zero = float(re.findall(r'<line class="rule" x1="[\d.]+" x2="[\d.]+" y1="([\d.]+)"', text)[0])
    bars: dict[str, list[tuple[float, float]]] = {"likes": [], "dislikes": []}
    for kind, y, height in re.findall(
        r'<rect class="(\w+)" x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"', text
    ):
        bars[kind].append((float(y), float(height)))
    weeks = past.json("evaluate", "--history")["weeks"]
    assert all(y + height == pytest.approx(zero, abs=0.2) for y, height in bars["likes"])
    assert all(y == pytest.approx(zero, abs=0.2) for y, _ in bars["dislikes"])
    # All on one scale.
    heights = [height for _, height in bars["likes"] + bars["dislikes"]]
    given = [one["likes"] for one in weeks if one["likes"]] + [one["dislikes"] for one in weeks if one["dislikes"]]
    assert [one / heights[0] for one in heights] == pytest.approx([one / given[0] for one in given], rel=0.01)


@pytest.mark.parametrize("arguments", [["--since", "2025-06-13"], ["--since", "2025-07-01"], ["--until", "2025-05-27"]])
def test_a_page_of_little_is_a_page(past: Cli, arguments: list[str]) -> None:
    _, page = report(past, *arguments)
    assert page.open == []
    assert "How good the digests are" in page.text


def test_of_many_subscribers_the_best_and_the_worst_are_drawn(cli: Cli) -> None:
    likes: list[Any] = [(f"reader{n:02d}@example.org", ROBOTS, day, 1) for n in range(63) for day in (0, 1)]
    stock(cli, likes)
    text, page = report(cli)
    assert page.text.count("@example.org: profile") == 60
    assert "3 in the middle are left out" in page.text
    assert "reader30@example.org" not in text


def test_a_page_that_cannot_be_written_exits_2(past: Cli) -> None:
    path = past.folder / "report.html"
    path.mkdir()
    found = past("evaluate", "--history", "--plot", str(path), code=2)
    assert "report.html" in found.err


def test_a_template_of_ones_own_takes_the_place_of_ours(past: Cli, tmp_path: Path) -> None:
    own = tmp_path / "own" / "reports"
    own.mkdir(parents=True)
    past.configure('templates = "own"')
    (own / "history.html.j2").write_text("{{ readers }} subscribers")
    assert report(past)[0] == "2 subscribers"
    (own / "history.html.j2").write_text("{{ raeders }}")
    found = past("evaluate", "--history", "--plot", str(past.folder / "report.html"), code=1)
    assert "template reports/history.html.j2: 'raeders' is undefined" in found.err
