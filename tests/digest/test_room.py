"""Whatever papers hold, every mail is small enough that no mailbox cuts it, and whole."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digestbot.digest.compose import digest_delivery
from digestbot.digest.render import Renderer
from digestbot.digest.room import fitting, link, weight
from digestbot.digest.wording import shorten, summary
from digestbot.links import Links
from digestbot.mail.message import Sender
from digestbot.models import Paper, Reason
from digestbot.pipeline.letters import Letters
from tests.factories import DAY, KEY, digest, new_store, paper, subscriber
from tests.mails import parsed, part

MOST = 90_000
LINKS = Links("https://papers.example.org", [KEY])
CROWD = tuple(f"Ada{'a' * number} Quill" for number in range(60))
# Of each sort that is heavy, unseen, turned about or joined to what stands before it.
SIGNS = st.sampled_from(
    "ab <>&\"'=.:Жé界語한\u0301\u0489\x00\x07\x1b\x85\u202e\u200f\u200d\ufe0fאب🦉👩"
) | st.characters(codec="utf-8")
LONG = st.builds(str.__mul__, st.text(SIGNS, min_size=1, max_size=30), st.sampled_from((1, 10, 300)))
ADDRESSES = st.builds(
    lambda text, times: f"https://x.example/{text * times}",
    st.text(st.sampled_from("ab/?=&%;'#~."), max_size=20),
    st.sampled_from((1, 10, 300)),
)
PAPERS = st.builds(
    partial(paper, 1),
    id=LONG.map(lambda text: f"feed:{text}"),
    title=LONG,
    abstract=LONG,
    authors=st.lists(LONG, max_size=6).map(tuple),
    categories=st.lists(LONG, max_size=3).map(tuple),
    url=ADDRESSES,
    announced=st.integers(0, 7).map(lambda days: DAY - timedelta(days=days)),
)
REASONS = st.builds(
    Reason,
    kind=st.sampled_from(("terms", "liked", "follow", "trending", "explore")),
    terms=st.lists(LONG, min_size=1, max_size=5).map(tuple),
)


@pytest.fixture(scope="module")
def letters(
    templates: jinja2.Environment, tmp_path_factory: pytest.TempPathFactory, empty_database: Path
) -> Iterator[Letters]:
    store = new_store(shutil.copyfile(empty_database, tmp_path_factory.mktemp("letters") / "digestbot.sqlite"))
    sender = Sender(sender="digestbot <digestbot@example.org>")
    yield Letters(store.digests, store.subscribers, Renderer(templates, LINKS), LINKS, sender)
    store.close()


def written(letters: Letters, papers: Sequence[Paper], why: Reason, days: str, language: str, number: int) -> bytes:
    reader = subscriber(days=days, language=language)
    made = digest(*papers, reader=reader, number=number)
    made = replace(made, items=tuple(replace(item, reason=why) for item in made.items))
    return letters.write_digest(made, reader, digest_delivery(made, reader, domain="example.org"))


def shown(message: bytes) -> int:
    return len(re.findall(r'width="44"', part(parsed(message), "html")))


@settings(deadline=None, max_examples=20)
@given(
    st.lists(PAPERS, min_size=1, max_size=3),
    REASONS,
    st.sampled_from(("daily", "weekly", "mon,thu")),
    st.sampled_from(("en", "de")),
    st.sampled_from((1, 7)),
)
def test_any_papers_make_a_mail_that_no_mailbox_cuts(
    letters: Letters, papers: list[Paper], why: Reason, days: str, language: str, number: int
) -> None:
    message = written(letters, papers, why, days, language, number)
    assert len(message) < MOST
    lines = message.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    assert shown(message) == len(papers)
    mail = parsed(message)
    for text in (str(mail["Subject"]), part(mail, "html"), part(mail, "plain")):
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e]", text)


@pytest.mark.parametrize("many", [1, 20])
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"title": "界" * 400, "abstract": "界" * 3000, "authors": ("界" * 90,) * 9}, Reason(kind="trending")),
        ({"title": "🦉" * 400, "abstract": "🦉 " * 3000}, Reason(kind="liked", terms=("🦉" * 400,))),
        ({"title": "\"&'<" * 200, "abstract": "\"&'<" * 3000}, Reason(kind="trending")),
        ({"url": "https://x.example/" + "a=" * 60_000}, Reason(kind="trending")),
        ({"id": "feed:" + "é" * 3_000}, Reason(kind="trending")),
        ({"authors": CROWD}, Reason(kind="follow", terms=CROWD[:20])),
        ({}, Reason(kind="follow", terms=("word " * 20_000,))),
        ({}, Reason(kind="terms", terms=("x" * 100_000,))),
    ],
)
def test_the_heaviest_papers_leave_room_for_four_others(
    letters: Letters, changes: dict[str, str], why: Reason, many: int
) -> None:
    papers = [paper(number, **changes) for number in range(1, many + 1)]
    message = written(letters, papers, why, "daily", "en", 2)
    assert len(message) < MOST
    assert shown(message) >= min(many, 5)


def test_an_address_that_nobody_can_use_is_left_out_and_the_title_stays(letters: Letters) -> None:
    usable, endless = (f"https://x.example/{'a' * length}" for length in (1_900, 2_100))
    assert (link(usable), link(endless)) == (usable, "")
    papers = [paper(1, url=usable), paper(2, url=endless), paper(3, id=f"feed:{'a' * 2_100}")]
    mail = parsed(written(letters, papers, Reason(kind="trending"), "daily", "en", 2))
    for text, begun in ((part(mail, "html"), 'href="'), (part(mail, "plain"), " ")):
        assert f"{begun}{usable}" in text
        assert endless not in text
        assert "Sparse retrieval, part 2" in text
        assert text.count("/paper/") == 2


def test_a_text_of_wide_signs_has_as_much_room_as_one_of_letters() -> None:
    assert fitting("word " * 100, 290) == fitting("слово " * 100, 290) == 290
    assert 180 <= fitting("界" * 300, 290) <= 200
    assert fitting("界" * 100, 290) == 290
    assert len(summary("界" * 600, 290)) < 200


@settings(deadline=None, max_examples=60)
@given(LONG, st.integers(20, 300))
def test_what_is_shortened_takes_no_more_bytes_than_it_has_room_for(text: str, limit: int) -> None:
    ellipsis = weight("\N{NO-BREAK SPACE}…")
    for made in (shorten(text, limit), summary(text, limit)):
        assert len(made) <= limit
        assert weight(made) <= 6 * limit + ellipsis
