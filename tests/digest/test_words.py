"""The mails in every language there is: nothing is missing, and nothing is left to be filled in."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import jinja2
import pytest
from babel.messages.catalog import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html

from digestbot.digest import wording
from digestbot.digest.compose import (
    compose,
    confirm_delivery,
    digest_delivery,
    goodbye_delivery,
    quiet_delivery,
    welcome_delivery,
)
from digestbot.digest.render import FULL, SHORTER, Rendered, Renderer, aligned, environment
from digestbot.digest.words import ENGLISH, Words, words_of
from digestbot.links import Links
from digestbot.mail.message import Sender
from digestbot.models import LANGUAGES, WEEKDAYS, Digest, DigestItem, Reason, Subscriber, SubscriberState
from digestbot.pipeline.letters import Letters
from digestbot.settings import packaged
from digestbot.store import Preferences, Store
from tests.digest import catalogues
from tests.factories import DAY, KEY, NOW, digest, paper, scored, subscriber

LINKS = Links("https://papers.example.org", [KEY])
SENDER = Sender(sender="Paper Digest <digest@example.org>", reply_to="help@example.org", list_name="Daily papers")
ADDRESS = "Lindenstraße 1, 10969 Berlin"
GERMAN = words_of("de")
OTHERS = [code for code in LANGUAGES if code != "en"]
KINDS = ("terms", "liked", "follow", "trending", "explore")
NAMES = re.compile(r"%\((\w+)\)s")

every_language = st.sampled_from([words_of(code) for code in LANGUAGES])
days = st.dates(date(2000, 1, 1), date(2100, 1, 1))
texts = st.text(st.sampled_from("ab %({})s:é界"), min_size=1, max_size=40)


# catalogues


@pytest.fixture(scope="module")
def current() -> dict[str, catalogues.Catalogue]:
    """The catalogues as ``make messages`` would write them."""
    return {language: catalogues.updated(language) for language in catalogues.languages()}


def test_there_is_a_catalogue_for_each_language_but_the_one_of_the_code() -> None:
    assert catalogues.languages() == sorted(OTHERS)
    assert {code: words_of(code).language for code in LANGUAGES} == {code: code for code in LANGUAGES}


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_of_code_and_templates_is_translated_and_none_is_fuzzy(
    current: dict[str, catalogues.Catalogue], language: str
) -> None:
    assert len(current[language]) > 60
    assert catalogues.missing(current[language]) == []
    assert list(current[language].obsolete) == []


@pytest.mark.parametrize("language", OTHERS)
def test_the_committed_files_are_what_make_messages_writes(
    current: dict[str, catalogues.Catalogue], language: str
) -> None:
    path = catalogues.source(language)
    assert path.read_bytes() == catalogues.as_text(current[language])
    assert path.with_suffix(".mo").read_bytes() == catalogues.compiled(current[language])


def named_wrongly(message: Message) -> list[str]:
    """Return what a translation names, or lacks, otherwise than its sentence; that of one may leave out the number."""
    if isinstance(message.id, str):
        return [said for said in catalogues.translations(message) if Counter(names(said)) != Counter(names(message.id))]
    one, many = map(set, map(names, message.id))
    said = catalogues.translations(message)
    return [text for text in said[:-1] if not one <= set(names(text)) <= many] + [
        text for text in said[-1:] if set(names(text)) != many
    ]


def names(text: str) -> list[str]:
    return NAMES.findall(text)


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_names_what_its_sentence_names(current: dict[str, catalogues.Catalogue], language: str) -> None:
    for message in current[language]:
        if message.id:
            assert named_wrongly(message) == [], message.id
            # What is left must be nothing that % would stumble over.
            for text in catalogues.translations(message):
                assert not re.search(r"[{}]", text)
                assert "%" not in NAMES.sub("", text).replace("%%", "")


def test_a_translation_that_loses_a_name_is_found() -> None:
    assert named_wrongly(Message("on %(day)s", "am %(tag)s"))
    assert named_wrongly(Message(("one of %(all)s", "%(number)s of %(all)s"), ("eine", "%(number)s von %(all)s")))
    assert not named_wrongly(Message(("one", "%(number)s"), ("eine", "%(number)s")))


@pytest.mark.parametrize("language", LANGUAGES)
def test_lists_of_words_have_as_many_words_as_in_english(language: str) -> None:
    words = words_of(language)
    numbers = [wording.number_word(number, words) for number in range(14)]
    assert len(set(numbers)) == 14
    assert numbers[13] == "13"
    assert not any(part.isdecimal() for part in numbers[:13])
    assert len({wording.how_often(name, words) for name in WEEKDAYS}) == 7


# words


def test_a_language_that_is_not_there_is_english() -> None:
    assert words_of("") is words_of("xx") is words_of("../de") is words_of("en") is ENGLISH
    assert words_of("de") is words_of("de")


def test_english_mails_need_no_babel() -> None:
    program = (
        "import sys\nfrom digestbot.digest.words import words_of\n"
        "words_of('en')\nassert 'babel' not in sys.modules\nwords_of('de')\nassert 'babel' in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_days_are_written_as_the_language_writes_them() -> None:
    day = date(2025, 5, 7)
    assert wording.long_day(day, GERMAN) == "Mittwoch, 7. Mai 2025"
    assert wording.short_day(day, GERMAN) == "7. Mai"
    assert wording.soon(day, day, GERMAN) == "heute"
    assert wording.soon(day, day - timedelta(days=1), GERMAN) == "morgen"
    assert wording.soon(day, day - timedelta(days=2), GERMAN) == "am Mittwoch, dem 7. Mai"
    assert wording.meta(paper(), GERMAN) == "arXiv · cs.IR, cs.CL · 27. Mai"


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ("daily", "jeden Tag"),
        ("weekdays", "von Montag bis Freitag"),
        ("weekly", "freitags"),
        ("mon,wed,sun", "montags, mittwochs und sonntags"),
    ],
)
def test_how_often_the_mail_comes_in_german(chosen: str, expected: str) -> None:
    assert wording.how_often(chosen, GERMAN) == expected


def with_kinds(*kinds: str, **changes: Any) -> Digest:
    items = [
        DigestItem(position=place, paper=paper(place), shown_id="", score=1 / place, reason=Reason(kind=kind))  # type: ignore[arg-type]
        for place, kind in enumerate(kinds, 1)
    ]
    values: dict[str, Any] = {"items": tuple(items), "number": 2, "language": "de"}
    return digest(**values | changes)


def test_a_german_lead_says_why_the_list_is_what_it_is() -> None:
    assert wording.lead(with_kinds("terms", "terms", number=1), GERMAN) == (
        "Die erste Liste. Zwei Arbeiten passen zu dem, was Ihnen bisher gefiel. Die passendste steht oben."
    )
    assert wording.lead(with_kinds("terms", "follow", "explore"), GERMAN) == (
        "Eine Arbeit passt zu dem, was Ihnen bisher gefiel. Die passendste steht oben."
        " Eine ist dabei, weil Sie einem Namen oder Begriff darin folgen."
        " Die letzte ist ein Seitenblick, abseits des Gewohnten."
    )
    assert wording.lead(with_kinds("trending", "trending"), GERMAN).startswith(
        "Zwei Arbeiten, die neuesten und die mit den meisten Stimmen, denn noch"
    )
    assert wording.lead(with_kinds("explore"), GERMAN) == "Eine Arbeit als Seitenblick, abseits des Gewohnten."


def test_a_german_subject_and_preheader_say_what_is_inside() -> None:
    papers = [paper(number, title=title) for number, title in enumerate(["Owl", "Wren: models", "Lark", "Kite", "Jay"])]
    made = digest(*papers, language="de")
    assert wording.subject(made, GERMAN) == "Owl, dazu vier weitere (27. Mai)"
    assert wording.subject(digest(*papers[:2]), GERMAN) == "Owl, dazu eine weitere (27. Mai)"
    assert wording.subject(digest(papers[0]), GERMAN) == "Owl (27. Mai)"
    assert wording.preheader(made, GERMAN) == "Außerdem: Wren, Lark, Kite und eine weitere."


def filled(text: str, *given: str) -> bool:
    """Return whether nothing of a sentence waits to be filled in; what came in may look like anything."""
    for one in sorted(given, key=len, reverse=True):
        text = text.replace(one, "")
    return not re.search(r"%|[{}]", text)


@settings(deadline=None)
@given(every_language, st.integers(0, 60), days, days, st.sets(st.sampled_from(WEEKDAYS), min_size=1))
def test_small_words_are_whole_in_every_language(
    words: Words, number: int, day: date, today: date, chosen: set[str]
) -> None:
    said = [
        wording.number_word(number, words),
        wording.left_out(number + 1, words),
        wording.long_day(day, words),
        wording.short_day(day, words),
        wording.soon(day, today, words),
        *(wording.how_often(each, words) for each in ("daily", "weekdays", "weekly", ",".join(chosen))),
    ]
    assert all(said)
    assert all(filled(one) for one in said)
    assert wording.left_out(0, words) == ""


@st.composite
def digests(draw: st.DrawFn) -> tuple[Digest, list[str]]:
    titles = draw(st.lists(texts.filter(str.strip), min_size=1, max_size=15))
    shown = [
        paper(
            number,
            title=title,
            abstract="",
            upvotes=draw(st.integers(0, 20)),
            announced=DAY - timedelta(days=draw(st.integers(0, 6))),
        )
        for number, title in enumerate(titles, 1)
    ]
    terms = draw(st.lists(texts, min_size=1, max_size=3))
    made = digest(*shown, number=draw(st.integers(1, 3)), days=draw(st.sampled_from(["daily", "weekly", "mon,thu"])))
    items = tuple(
        replace(item, reason=Reason(kind=draw(st.sampled_from(KINDS)), terms=tuple(terms))) for item in made.items
    )
    return replace(made, items=items), [*titles, *terms]


@settings(deadline=None)
@given(every_language, digests())
def test_what_is_said_of_any_digest_is_whole_in_every_language(words: Words, given: tuple[Digest, list[str]]) -> None:
    made, _ = given
    assert wording.lead(made, words).endswith(".")
    assert filled(wording.lead(made, words))
    assert wording.subject(made, words)
    assert wording.preheader(made, words).endswith(".")
    assert all(filled(one) for one in wording.sections(made, words))
    for item in made.items:
        phrase, why = wording.reason(item.reason, item.paper, words)
        assert filled(phrase)
        assert why or item.reason.kind in ("follow", "liked")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_name_that_looks_like_something_to_fill_in_stays_as_it_is(language: str) -> None:
    odd, words = "%(day)s of 100%d", words_of(language)
    one = with_kinds("follow")
    item = replace(one.items[0], paper=paper(title=odd), reason=Reason(kind="follow", terms=(odd,)))
    assert wording.reason(item.reason, item.paper, words)[1] == odd.replace(" ", "\N{NO-BREAK SPACE}")
    assert wording.subject(replace(one, items=(item,)), words).startswith(f"{odd} (")


# mails


@pytest.fixture(scope="session")
def renderer(templates: jinja2.Environment) -> Renderer:
    return Renderer(templates, LINKS, postal_address=ADDRESS)


def letters(store: Store, renderer: Renderer) -> Letters:
    return Letters(store.digests, store.subscribers, renderer, LINKS, SENDER)


def german_digest(reader: Subscriber) -> Digest:
    """A digest with each of the five reasons, with days above its papers."""
    papers = [
        paper(
            1,
            title="Owl: sparse retrieval that explains itself",
            abstract="Sparse vectors are fast but opaque. We show a way to read them. Owl names the terms that matter.",
        ),
        paper(2, title="Ranking by few clicks", authors=("Ada Quill", "Bela Vane", "Cy Rill", "Dan Oduya", "Eva Lind")),
        paper(3, title="What the index forgets"),
        paper(4, title="A year of hallways", upvotes=12),
        paper(5, title="Plasma, gently"),
    ]
    reasons = (
        Reason(kind="terms", terms=("sparse retrieval", "index")),
        Reason(kind="liked", terms=("Counting what the index forgets",)),
        Reason(kind="follow", terms=("Ada Quill",)),
        Reason(kind="trending"),
        Reason(kind="explore", terms=("plasma",)),
    )
    made = digest(*papers, reader=reader, number=12, considered=431)
    items = [replace(item, reason=why) for item, why in zip(made.items, reasons, strict=True)]
    return replace(made, items=tuple(items))


def test_a_german_digest_is_the_golden_mail(
    store: Store, renderer: Renderer, golden: Callable[[str, bytes], None]
) -> None:
    reader = subscriber(language="de", days="weekdays")
    made = german_digest(reader)
    delivery = digest_delivery(made, reader, domain="example.org")
    golden("digest-de.eml", letters(store, renderer).write_digest(made, reader, delivery))


def test_german_notes_are_the_golden_mails(
    store: Store, renderer: Renderer, golden: Callable[[str, bytes], None]
) -> None:
    chosen = Preferences(language="de", send_at="06:30", timezone="Europe/Berlin", days="mon,thu")
    reader = store.subscribers.add("ada@example.org", SubscriberState.ACTIVE, chosen, NOW)
    written = letters(store, renderer)
    golden("confirm-de.eml", written.write(confirm_delivery(reader, domain="example.org", now=NOW)))
    golden("welcome-de.eml", written.write(welcome_delivery(reader, domain="example.org", now=NOW)))
    golden("goodbye-de.eml", written.write(goodbye_delivery(reader, domain="example.org", now=NOW)))
    quiet = quiet_delivery(reader, local_day=DAY, domain="example.org", now=NOW)
    golden("quiet-de.eml", written.write(quiet))


def test_a_mail_that_waits_is_the_same_bytes_when_its_reader_asks_for_another_language(
    store: Store, renderer: Renderer
) -> None:
    store.papers.add([paper(1)], NOW)
    reader = store.subscribers.add("ada@example.org", SubscriberState.ACTIVE, Preferences(language="de"), NOW)
    made = compose([scored(1)], reader, local_day=DAY, now=NOW, number=1, considered=1)
    store.digests.add([(made, digest_delivery(made, reader, domain="example.org"))])
    store.outbox.add(welcome_delivery(reader, domain="example.org", now=NOW))
    waiting, written = store.outbox.claim(9, NOW), letters(store, renderer)
    before = [written.write(one) for one in waiting]
    assert sorted(b"Willkommen" in one for one in before) == [False, True]
    assert all(b'lang=3D"de"' in one for one in before)
    store.subscribers.edit(reader.id, lambda _: Preferences(language="en"), NOW)
    assert [written.write(one) for one in waiting] == before
    later = welcome_delivery(store.subscribers.get(reader.id), domain="example.org", now=NOW)
    assert b'lang=3D"en"' in written.write(later)


def test_a_note_of_before_there_were_languages_is_english(store: Store, renderer: Renderer) -> None:
    reader = store.subscribers.add("ada@example.org", SubscriberState.ACTIVE, Preferences(language="de"), NOW)
    old = replace(goodbye_delivery(reader, domain="example.org", now=NOW), details="")
    assert b"This is the last one" in letters(store, renderer).write(old)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mail_says_which_language_it_is_in(renderer: Renderer, language: str) -> None:
    reader = subscriber(language=language)
    mails = [
        renderer.digest(digest(reader=reader), reader),
        renderer.confirm(reader, LINKS.confirm(reader.id, NOW)),
        renderer.welcome(reader, NOW),
        renderer.goodbye(reader),
        renderer.quiet(reader, NOW),
    ]
    for made in mails:
        assert made.html.count(f' lang="{language}"') == 2
        assert made.html.count(" lang=") == 2


def test_one_renderer_speaks_to_each_in_their_language(renderer: Renderer) -> None:
    def rendered(language: str) -> Rendered:
        reader = subscriber(language=language)
        return renderer.digest(digest(reader=reader), reader)

    english, german = rendered("en"), rendered("de")
    assert rendered("en") == english
    assert (english.text.count("27 May"), german.text.count("27. Mai")) == (4, 4)
    for part in ("text", "html"):
        assert "Mai " not in getattr(english, part)
        for left in ("27 May", "Like", "Not for me", "Similar", "Unsubscribe", "Why", "paper "):
            assert left not in getattr(german, part).replace("papers.example.org/paper/", "")


def test_a_shorter_german_mail_counts_what_it_has_no_room_for(renderer: Renderer) -> None:
    reader = subscriber(language="de")
    one = digest(*map(paper, range(1, 32)), reader=reader)
    for brevity, left in zip(
        (FULL, *SHORTER),
        ("", "", "", "", "Elf weitere Arbeiten", "16 weitere Arbeiten", "21 weitere Arbeiten"),
        strict=True,
    ):
        text = renderer.digest(one, reader, brevity).text
        assert f"{left} stehen auf der Seite dieser Liste" in text if left else "weitere Arbeiten" not in text


def test_a_german_text_fits_a_terminal(renderer: Renderer) -> None:
    reader = subscriber(language="de", days="mon,tue,wed,thu,sat")
    made = renderer.digest(german_digest(reader), reader)
    for text in (made.text, renderer.welcome(reader, NOW).text, renderer.goodbye(reader).text):
        assert all(len(line) <= 72 or "https://" in line for line in text.splitlines())
    links = [line for line in made.text.splitlines() if line.endswith(("?like=1", "?dislike=1"))]
    assert len({line.index("https://") for line in links}) == 1


def test_what_stands_behind_names_begins_in_one_column() -> None:
    assert aligned(["one", "three", "four"]) == ["one    ", "three  ", "four   "]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_link_that_is_read_aloud_begins_with_its_visible_word(renderer: Renderer, language: str) -> None:
    reader = subscriber(language=language)
    made = renderer.digest(digest(reader=reader), reader)
    links = [one for one in html.document_fromstring(made.html).iter("a") if one.get("aria-label")]
    assert len(links) == 9
    assert all(str(one.get("aria-label")).startswith(one.text_content()) for one in links)
    assert len({one.get("aria-label") for one in links}) == 9


def test_what_is_filled_into_a_translated_sentence_is_escaped(renderer: Renderer) -> None:
    made = renderer.goodbye(subscriber(language="de", email='"<b>%s"@example.org'))
    assert "an &#34;&lt;b&gt;%s&#34;@example.org sind" in made.html
    assert 'an "<b>%s"@example.org sind' in " ".join(made.text.split())


def test_a_template_of_ones_own_can_use_what_jinja_has_for_translations(tmp_path: Path) -> None:
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / "goodbye.html.j2").write_text(
        "{% trans %}Like{% endtrans %} {% trans who=email %}For {{ who }}{% endtrans %}, 5 %"
        "{% trans count=2 %}one paper{% pluralize %}{{ count }} papers{% endtrans %}"
    )
    own = Renderer(environment(packaged("templates"), tmp_path), LINKS)
    reader = subscriber(language="de", email="<b>@example.org")
    assert own.goodbye(reader).html == "Gefällt mir For &lt;b&gt;@example.org, 5 %2 papers"


def test_a_sentence_of_ones_own_that_no_catalogue_has_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / "goodbye.txt.j2").write_text('{{ _("Like") }}, {{ _("So long, %(email)s", email=email) }}')
    own = Renderer(environment(packaged("templates"), tmp_path), LINKS)
    assert own.goodbye(subscriber(language="de")).text == "Gefällt mir, So long, reader1@example.org"
