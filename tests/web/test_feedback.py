"""The feedback page: GET asks, POST records."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from digestbot.digest.readable import readable
from digestbot.links import Links
from digestbot.models import SubscriberState
from tests.factories import KEY, digest, paper
from tests.web.conftest import Site, choices, form_fields, heading, tree

ONE, TWO, THREE = (f"arxiv:2505.0000{number}" for number in (1, 2, 3))
NASTY = """<script>alert("1")</script> & 'co' </title>"""


@pytest.mark.parametrize(
    "query", ["", "?like=1", "?dislike=3", "?like=99", "?like=%D9%A1", "?like=&p1=like", "?p1=like"]
)
def test_opening_a_link_of_the_mail_changes_nothing(site: Site, query: str) -> None:
    before = site.dump()
    for _ in range(2):
        assert site.client.get(site.feedback + query).status_code == 200
        head = site.client.head(site.feedback + query)
        assert (head.status_code, head.content) == (200, b"")
    assert site.dump() == before


def test_the_page_asks_about_every_paper_of_the_mail_in_its_order(site: Site) -> None:
    page = site.client.get(site.feedback)
    titles = [one.text_content()[1:] for one in tree(page).iter("h2")]
    assert titles == [f"Sparse retrieval, part {number}" for number in (1, 2, 3)]
    assert choices(page) == {"p1": "none", "p2": "none", "p3": "none"}
    assert heading(page) == "What do you think of these?"


@pytest.mark.parametrize(
    ("query", "asked", "chosen"), [("like=2", "Like", "like"), ("dislike=2", "Not for me", "dislike")]
)
def test_the_paper_one_clicked_stands_first_and_is_marked_but_not_recorded(
    site: Site, query: str, asked: str, chosen: str
) -> None:
    page = site.client.get(f"{site.feedback}?{query}")
    assert heading(page) == f"You chose {asked}"
    assert tree(page).xpath("string((//fieldset)[1]//h2/a)") == "Sparse retrieval, part 2"
    assert choices(page) == {"p1": "none", "p2": chosen, "p3": "none"}
    assert site.ratings() == {}


def test_pressing_record_keeps_what_is_marked(site: Site) -> None:
    page = site.client.get(f"{site.feedback}?like=2")
    (form,) = tree(page).forms
    assert form.method == "POST"
    answer = site.client.post(site.feedback + form.action.removeprefix("?"), data=form_fields(form))
    assert heading(answer) == "Recorded"
    assert site.ratings() == {TWO: 1}
    assert [one.text_content() for one in tree(answer).xpath("//p[@class='title']")] == ["Sparse retrieval, part 2"]


def test_one_form_records_many_ratings(site: Site) -> None:
    site.client.post(site.feedback, data={"p1": "like", "p2": "dislike", "p3": "none"})
    assert site.ratings() == {ONE: 1, TWO: -1}
    assert choices(site.client.get(site.feedback)) == {"p1": "like", "p2": "dislike", "p3": "none"}


def test_sending_the_form_again_records_nothing_more(site: Site) -> None:
    site.client.post(site.feedback, data={"p1": "like"})
    before = site.dump()
    answer = site.client.post(site.feedback, data={"p1": "like"})
    assert answer.status_code == 200
    assert heading(answer) == "Nothing has changed"
    assert site.dump() == before


def test_undo_puts_back_what_was_there_before(site: Site) -> None:
    site.client.post(site.feedback, data={"p1": "dislike"})
    answer = site.client.post(site.feedback, data={"p1": "like", "p2": "like"})
    assert site.ratings() == {ONE: 1, TWO: 1}
    undo_one, undo_two = tree(answer).forms
    undone = site.client.post(site.feedback, data=form_fields(undo_one))
    assert heading(undone) == "Taken back"
    assert not tree(undone).forms
    assert site.ratings() == {ONE: -1, TWO: 1}
    site.client.post(site.feedback, data=form_fields(undo_two))
    assert site.ratings() == {ONE: -1}


def test_clear_takes_a_rating_away_and_the_events_stay(site: Site) -> None:
    site.client.post(site.feedback, data={"p1": "like"})
    site.client.post(site.feedback, data={"p1": "none"})
    assert site.ratings() == {}
    rows = site.store.database.rows("select value, origin, digest_id from rating_events order by id")
    assert [tuple(row) for row in rows] == [(1, "mail", site.digest.id), (0, "mail", site.digest.id)]


def test_the_page_says_so_when_what_was_marked_was_taken_for_a_scanners(site: Site) -> None:
    places = ("p1", "p2", "p3")
    site.client.post(site.feedback, data=dict.fromkeys(places, "like"))
    answers = [site.client.post(site.feedback, data=dict.fromkeys(places, "dislike"))]
    # And so for what comes at once after it.
    answers.append(site.client.post(site.feedback, data={"p1": "like"}))
    for answer in answers:
        assert answer.status_code == 200
        assert heading(answer) == "This was not counted"
        assert "wait a minute and mark them again" in answer.text
    assert heading(site.client.post(site.feedback, data={"p1": "none"})) == "Nothing has changed"
    assert set(choices(site.client.get(site.feedback)).values()) == {"none"}
    site.times.append(site.times[-1] + timedelta(minutes=1))
    assert heading(site.client.post(site.feedback, data=dict.fromkeys(places, "dislike"))) == "Recorded"
    assert site.ratings() == {ONE: -1, TWO: -1, THREE: -1}


def test_undo_of_everything_is_a_persons(site: Site) -> None:
    answer = site.client.post(site.feedback, data={"p1": "like", "p2": "like", "p3": "like"})
    for undo in tree(answer).forms:
        assert heading(site.client.post(site.feedback, data=form_fields(undo))) == "Taken back"
    assert site.ratings() == {}
    assert heading(site.client.post(site.feedback, data={"p1": "like", "p2": "like", "p3": "like"})) == "Recorded"
    assert site.ratings() == {ONE: 1, TWO: 1, THREE: 1}


@pytest.mark.parametrize(
    "form", [{"p4": "like"}, {"p999": "like"}, {"p3": "like", "p1": "adore"}, {"p1": "adore"}, {"p1": ""}, {"p1": "1"}]
)
def test_a_form_that_is_not_of_this_list_records_nothing_of_it(site: Site, form: dict[str, str]) -> None:
    before = site.dump()
    answer = site.client.post(site.feedback, data=form)
    assert answer.status_code == 400
    assert "Nothing was recorded" in answer.text
    assert site.dump() == before


def test_a_place_whose_paper_is_at_another_place_by_now_costs_no_opinion(site: Site) -> None:
    assert site.client.post(site.feedback, data={"p1": "dislike", "p4": "like"}).status_code == 200
    assert site.ratings() == {ONE: -1}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/x-www-form-urlencoded"),
        (b"p0=like&p=like&p01=like&pone=like&P1=like", "application/x-www-form-urlencoded"),
    ],
)
def test_what_is_no_form_of_ours_records_nothing(site: Site, body: bytes, kind: str) -> None:
    before = site.dump()
    answer = site.client.post(site.feedback, content=body, headers={"Content-Type": kind})
    assert answer.status_code == 200
    assert site.dump() == before


def test_a_body_of_another_kind_is_refused_and_not_passed_over(site: Site) -> None:
    before = site.dump()
    for body, kind in ((b"p1=like", "text/plain"), (b'{"p1": "like"}', "application/json")):
        answer = site.client.post(site.feedback, content=body, headers={"Content-Type": kind})
        assert answer.status_code == 400
    assert site.dump() == before


def test_likes_given_in_two_tabs_of_one_mail_are_both_kept(site: Site) -> None:
    # Both tabs were opened before either was recorded; each sends the whole list as it showed it.
    untouched = {f"{field}{number}": "none" for field in "pw" for number in (1, 2, 3)}
    site.client.post(site.feedback, data=untouched | {"p1": "like"})
    site.client.post(site.feedback, data=untouched | {"p2": "like"})
    assert len(site.ratings()) == 2


@pytest.mark.parametrize("body", [b"p1=like&x=" + b"y" * 65_536, b"p1=like" + b"&a=1" * 600, b"p1=like&\xff\xfe=\x80"])
def test_a_form_that_is_too_large_or_broken_is_refused(site: Site, body: bytes) -> None:
    before = site.dump()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = site.client.post(site.feedback, content=body, headers=kind)
    assert answer.status_code == 400
    assert site.dump() == before


def test_the_largest_form_of_fifty_papers_is_taken(site_of: Callable[..., Site]) -> None:
    site = site_of(*map(paper, range(1, 51)))
    site.client.post(site.feedback, data={f"p{number}": "dislike" for number in range(1, 51)})
    assert len(site.ratings()) == 50


def test_links_of_an_erased_reader_or_an_unknown_digest_answer_and_do_nothing(site: Site) -> None:
    unknown = site.links.feedback(digest(local_day=site.digest.local_day.replace(year=2031)).id)
    site.erase_reader()
    before = site.dump()
    for link in (site.feedback, unknown):
        for answer in (site.client.get(link), site.client.post(link, data={"p1": "like"})):
            assert answer.status_code == 200
            assert heading(answer) == "Nothing to do here"
    assert site.dump() == before


@pytest.mark.parametrize("token", ["x", "a.b", "x" * 500, "%00", "%F0%9F%A6%89", "YST-6ZO8AAE", "YST-6ZO8AAE."])
def test_a_link_that_is_not_ours_is_not_found(site: Site, token: str) -> None:
    before = site.dump()
    for answer in (site.client.get(f"/f/{token}"), site.client.post(f"/f/{token}", data={"p1": "like"})):
        assert answer.status_code == 404
        assert heading(answer) == "This link does not work"
    assert site.dump() == before


def test_a_token_of_another_page_or_another_key_is_not_found(site: Site) -> None:
    other = Links(site.links.base_url, ["another key, just as long as it"])
    for link in (
        f"{site.links.base_url}/f/{site.links.token('u', site.digest.id)}",
        f"{site.links.base_url}/f/{site.links.token('p', site.digest.id)}",
        other.feedback(site.digest.id),
    ):
        assert site.client.post(link, data={"p1": "like"}).status_code == 404
    assert site.ratings() == {}


def test_a_link_signed_with_an_older_key_still_works(site: Site) -> None:
    rotated = Links(site.links.base_url, ["a new key", KEY])
    assert rotated.feedback(site.digest.id) != site.feedback
    assert rotated.read("f", site.feedback.rpartition("/")[2]) == site.digest.id


def test_a_reader_who_has_left_can_still_say_what_was_good(site: Site) -> None:
    site.store.subscribers.set_state(site.reader.id, SubscriberState.UNSUBSCRIBED, site.times[-1])
    site.client.post(site.feedback, data={"p1": "like"})
    assert site.ratings() == {ONE: 1}
    assert site.state() == SubscriberState.UNSUBSCRIBED


def test_a_title_reads_as_in_the_mail(site_of: Callable[..., Site]) -> None:
    site = site_of(paper(1, title=r"Sorting in $\mathcal{O}(n^2)$ by <i>owls</i>"), paper(2, title="<p></p>"))
    pages = [site.client.get(site.feedback), site.client.post(site.feedback, data={"p1": "like", "p2": "like"})]
    for page in pages:
        assert tree(page).xpath("//*[contains(@class, 'title')]//a/text()") == ["Sorting in O(n²) by owls", "<p></p>"]


def test_markup_in_titles_and_authors_is_shown_and_never_obeyed(site_of: Callable[..., Site]) -> None:
    site = site_of(paper(1, title=NASTY, authors=(NASTY,), categories=(NASTY,)), paper(2, title="תורת הגרפים"))
    pages = [
        site.client.get(site.feedback),
        site.client.get(f"{site.feedback}?like=1"),
        site.client.post(site.feedback, data={"p1": "like"}),
    ]
    for page in pages:
        assert not tree(page).xpath("//script | //*[@onmouseover]")
        assert readable(NASTY) in tree(page).text_content()
    assert [NASTY in tree(page).text_content() for page in pages] == [True, True, False]
    (undo,) = tree(pages[2]).xpath("//button[@aria-label]")
    assert undo.get("aria-label") == f"Undo: {readable(NASTY)}"
    assert all(one.get("dir") == "auto" for one in tree(pages[0]).iter("h2"))
