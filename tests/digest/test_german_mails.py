"""The mails in German, and in the language that each reader chose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jinja2
import pytest
from lxml import html

from digestbot.digest.compose import (
    compose,
    confirm_delivery,
    digest_delivery,
    goodbye_delivery,
    quiet_delivery,
    welcome_delivery,
)
from digestbot.digest.environment import environment
from digestbot.digest.render import FULL, SHORTER, Rendered, Renderer
from digestbot.links import Links
from digestbot.mail.message import Sender
from digestbot.models import LANGUAGES, Digest, Reason, Subscriber, SubscriberState
from digestbot.pipeline.letters import Letters
from digestbot.settings import packaged
from digestbot.store import Preferences, Store
from tests.factories import DAY, KEY, NOW, digest, paper, scored, subscriber
from tests.store.scenes import claim

LINKS = Links("https://papers.example.org", [KEY])
SENDER = Sender(sender="Paper Digest <digest@example.org>", reply_to="help@example.org", list_name="Daily papers")
ADDRESS = "Lindenstraße 1, 10969 Berlin"


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
    waiting, written = claim(store, 9, NOW), letters(store, renderer)
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
        ("", "", "", "", *(f"{many} weitere Arbeiten" for many in ("Elf", 16, 21, 26, 28, 30))),
        strict=True,
    ):
        text = renderer.digest(one, reader, brevity).text
        assert f"{left} stehen auf der Seite dieser Liste" in text if left else "weitere Arbeiten" not in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"number": 3}, "Warum diese Liste: "),
        ({"days": "weekly", "number": 3}, "Warum die Liste dieser Woche: Das Beste"),
    ],
)
def test_what_stands_before_the_german_lead_fits_the_sort_of_list(
    renderer: Renderer, changes: dict[str, Any], said: str
) -> None:
    reader = subscriber(language="de")
    assert said in renderer.digest(digest(reader=reader, **changes), reader).text


def test_a_german_text_fits_a_terminal(renderer: Renderer) -> None:
    reader = subscriber(language="de", days="mon,tue,wed,thu,sat")
    made = renderer.digest(german_digest(reader), reader)
    for text in (made.text, renderer.welcome(reader, NOW).text, renderer.goodbye(reader).text):
        assert all(len(line) <= 72 or "https://" in line for line in text.splitlines())
    links = [line for line in made.text.splitlines() if line.endswith(("?like=1", "?dislike=1"))]
    assert len({line.index("https://") for line in links}) == 1


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
