"""What the admin hears of silent sources: once a day, in one mail that goes out before the digests."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree, html
from structlog.testing import capture_logs

from digestbot.digest.alerts import Concern, alert_delivery, from_details, subject, to_details
from digestbot.digest.render import Rendered, Renderer
from digestbot.errors import RejectedError
from digestbot.links import Links
from digestbot.models import Delivery, DeliveryKind, DeliveryState, SubscriberState
from digestbot.pipeline.alerts import raise_alarm
from digestbot.pipeline.watch import Pace, Report, Watched, report
from digestbot.store import LoadHistory, Preferences, Store
from tests.factories import KEY, subscriber
from tests.mails import parsed, part
from tests.pipeline.peers import DOMAIN, Office, Post, letters

ADMIN = f"admin@{DOMAIN}"
FRIDAY = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PACE = Pace(load_every=HOUR, poll_every=timedelta(minutes=10), wait=2 * HOUR)
LINKS = Links("https://papers.example.org", [KEY])
NASTY = """<script>alert("1")</script> & <b title='x'>'bold'</b> {{ 7 * 7 }} &amp;\r\nBcc: eve@example.org"""


def stale(now: datetime = FRIDAY, name: str = "arxiv", **changes: object) -> Report:
    """Return the report of a source whose papers are of the Thursday before."""
    known = LoadHistory(last_started=now, last_success=now, newest=date(2026, 11, 19))
    return report(Watched(name=name, enabled=True, late=0), replace(known, **changes), now, PACE)  # type: ignore[arg-type]


def failed(now: datetime = FRIDAY, name: str = "lab-notes", problem: str = "answered 503") -> Report:
    known = LoadHistory(
        last_started=now,
        last_success=now - 2 * DAY,
        newest=date(2026, 11, 17),
        last_error=problem,
        failing_since=now - DAY,
        failures=9,
    )
    return report(Watched(name=name, enabled=True), known, now, PACE)


def alarm(store: Store, *reports: Report, now: datetime = FRIDAY, admin: str = ADMIN) -> list[Report]:
    return raise_alarm(reports, now, outbox=store.outbox, suppressions=store.suppressions, admin=admin, domain=DOMAIN)


def concern(**changes: object) -> Concern:
    known = Concern(source="arxiv", state="stale", last_success=FRIDAY, newest=date(2026, 11, 19), problem="")
    return replace(known, **changes)  # type: ignore[arg-type]


def waiting(store: Store, day: str = "2026-11-20") -> Delivery | None:
    return store.outbox.find(DeliveryKind.ALERT, f"sources:{day}")


def words(text: str) -> str:
    return " ".join(text.split())


def rendered(templates: jinja2.Environment, *concerns: Concern, now: datetime = FRIDAY) -> Rendered:
    return Renderer(templates, LINKS).alert(concerns, ADMIN, now)


# once a day


def test_however_often_sources_are_asked_the_admin_has_one_mail_a_day(office: Office, server: Post) -> None:
    for hours in (0, 1, 2):
        now = FRIDAY + hours * HOUR
        assert alarm(office.store, stale(now), now=now)
        office.deliver(now)
    assert server.addresses() == [ADMIN]
    monday = FRIDAY + 3 * DAY
    alarm(office.store, stale(monday), now=monday)
    assert office.deliver(monday).counts == {DeliveryState.SENT: 1}
    assert server.message_ids() == {
        ADMIN: {f"<alert.sources.2026-11-20@{DOMAIN}>": 1, f"<alert.sources.2026-11-23@{DOMAIN}>": 1}
    }


def test_the_day_is_the_one_of_utc(store: Store) -> None:
    alarm(store, stale(), now=datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC))
    assert waiting(store) is not None
    assert waiting(store, "2026-11-21") is None


def test_when_all_is_well_there_is_no_mail_and_no_line_in_the_log(store: Store) -> None:
    with capture_logs() as logs:
        assert alarm(store, stale(newest=date(2026, 11, 20))) == []
        assert alarm(store) == []
    assert logs == []
    assert store.outbox.counts() == {}


def test_each_load_names_each_such_source_in_the_log(store: Store) -> None:
    with capture_logs() as logs:
        found = alarm(store, stale(), stale(name="calm", newest=date(2026, 11, 20)), failed())
    assert [one.name for one in found] == ["arxiv", "lab-notes"]
    assert [(one["log_level"], one["source"], one["state"], one["problem"]) for one in logs] == [
        ("warning", "arxiv", "stale", ""),
        ("warning", "lab-notes", "failed", "answered 503"),
    ]
    with capture_logs() as again:
        alarm(store, stale(), now=FRIDAY + HOUR)
    assert [one["newest"] for one in again] == ["2026-11-19"]


def test_without_an_admin_nobody_is_mailed_and_the_log_still_says_it(store: Store) -> None:
    with capture_logs() as logs:
        assert alarm(store, stale(), admin="")
    assert [one["source"] for one in logs] == ["arxiv"]
    assert store.outbox.counts() == {}


# on its way


def test_the_alert_goes_out_before_the_digests_that_waited_longer(office: Office, server: Post) -> None:
    office.post("ada", "bela", at=FRIDAY)
    alarm(office.store, stale())
    office.deliver(FRIDAY)
    assert next(address for address, _ in server.taken) == ADMIN
    assert len(server.taken) == 3


def test_delivering_for_one_subscriber_leaves_the_alert_where_it_is(office: Office, server: Post) -> None:
    [made] = office.post("ada", at=FRIDAY)
    alarm(office.store, stale())
    office.deliver(FRIDAY, only=made.subscriber_id)
    assert server.addresses() == ["ada@example.org"]
    assert office.states() == {"sent": 1, "pending": 1}


def test_an_admin_who_left_as_a_subscriber_still_hears_of_trouble(office: Office, server: Post) -> None:
    office.store.subscribers.add(ADMIN, SubscriberState.UNSUBSCRIBED, Preferences(), FRIDAY)
    alarm(office.store, stale())
    assert office.deliver(FRIDAY).counts == {DeliveryState.SENT: 1}


def test_it_is_addressed_to_the_bare_address_and_is_no_mail_of_a_list(office: Office, server: Post) -> None:
    alarm(office.store, stale(), admin=f"The Admin <{ADMIN}>")
    office.deliver(FRIDAY)
    [(address, content)] = server.taken
    message = parsed(content)
    assert address == message["To"] == ADMIN
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Subject"] == "digestbot: nothing new from arxiv since 19 November 2026 (20 November)"
    assert message["Date"].datetime == FRIDAY
    assert not {"List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Precedence"} & set(message.keys())
    assert [one.get_content_type() for one in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]


def test_an_address_that_is_not_there_loses_no_digest_and_is_not_mailed_again(office: Office, server: Post) -> None:
    office.post("ada", at=FRIDAY)
    alarm(office.store, stale())
    server.to_recipient[ADMIN] = "550 5.1.1 no such user"
    outcome = office.deliver(FRIDAY)
    assert (dict(outcome.counts), outcome.stopped) == ({DeliveryState.FAILED: 1, DeliveryState.SENT: 1}, "")
    assert server.addresses() == ["ada@example.org"]
    monday = FRIDAY + 3 * DAY
    with capture_logs() as logs:
        assert alarm(office.store, stale(monday), now=monday)
    assert "set another [mail] admin" in logs[-1]["event"]
    assert waiting(office.store, "2026-11-23") is None
    assert office.deliver(monday).counts == {}


def test_a_subscriber_who_is_the_admin_counts_as_bounced_when_the_address_is_not_there(
    office: Office, server: Post
) -> None:
    reader = office.store.subscribers.add(ADMIN, SubscriberState.ACTIVE, Preferences(), FRIDAY)
    alarm(office.store, stale())
    server.to_recipient[ADMIN] = "550 5.1.1 no such user"
    office.deliver(FRIDAY)
    assert office.store.subscribers.get(reader.id).state == SubscriberState.BOUNCED


def test_a_mail_that_goes_out_again_is_the_same_bytes_whatever_the_sources_did_meanwhile(
    office: Office, server: Post
) -> None:
    alarm(office.store, stale())
    server.to_data[ADMIN] = "451 4.3.0 later"
    assert office.deliver(FRIDAY).counts == {DeliveryState.DEFERRED: 1}
    alarm(office.store, failed(FRIDAY + HOUR), stale(FRIDAY + HOUR), now=FRIDAY + HOUR)
    server.to_data.clear()
    assert office.deliver(FRIDAY + HOUR).counts == {DeliveryState.SENT: 1}
    first, second = (content for _, content in server.seen)
    assert first == second


@pytest.mark.parametrize("details", ["", "[]", "null", "{}", '[{"source": "arxiv"}]', '["arxiv"]', "[["])
def test_an_alert_that_cannot_be_read_fails_alone(office: Office, server: Post, details: str) -> None:
    office.post("ada", at=FRIDAY)
    made = alert_delivery([concern()], address=ADMIN, domain=DOMAIN, now=FRIDAY)
    office.store.outbox.add(replace(made, details=details))
    outcome = office.deliver(FRIDAY)
    assert (dict(outcome.counts), outcome.stopped) == ({DeliveryState.FAILED: 1, DeliveryState.SENT: 1}, "")
    assert server.addresses() == ["ada@example.org"]


# what it says


@pytest.mark.parametrize(
    ("concerns", "line"),
    [
        ([concern()], "digestbot: nothing new from arxiv since 19 November 2026"),
        ([concern(newest=None)], "digestbot: nothing new from arxiv so far"),
        ([concern(state="failed")], "digestbot: no usable answer from arxiv since 20 November 2026"),
        ([concern(state="failed", last_success=None)], "digestbot: no usable answer from arxiv so far"),
        ([concern(), concern()], "digestbot: nothing new from arxiv since 19 November 2026, and one more source"),
        ([concern()] * 3, "digestbot: nothing new from arxiv since 19 November 2026, and two more sources"),
    ],
)
def test_the_subject_says_what_is_wrong_and_since_when(concerns: Sequence[Concern], line: str) -> None:
    assert subject(concerns, FRIDAY) == f"{line} (20 November)"


def test_both_parts_say_what_the_state_means_what_is_known_and_what_to_do(templates: jinja2.Environment) -> None:
    failing = concern(source="lab-notes", state="failed", last_success=None, newest=None, problem="answered 503")
    made = rendered(templates, concern(), failing)
    for text in (words(html.document_fromstring(made.html).text_content()), words(made.text)):
        assert "Nothing new from arxiv since 19 November 2026" in text
        assert "arXiv announces papers on this day, 20 November 2026, and nothing new came" in text
        assert "No usable answer from lab-notes so far" in text
        assert "it did not answer, or what it sent could not be read" in text
        for told in ("20 November 2026, 12:00 UTC", "19 November 2026", "none yet", "answered 503"):
            assert told in text
        for command in ("digestbot sources", "digestbot load arxiv", "digestbot load lab-notes", "status.arxiv.org"):
            assert command in text
        assert "This mail is not repeated today." in text
        assert f"[mail] admin in the settings of digestbot is {ADMIN}" in text


def test_the_day_that_is_named_is_the_one_in_new_york(templates: jinja2.Environment) -> None:
    made = rendered(templates, concern(), now=datetime(2026, 11, 21, 3, 0, tzinfo=UTC))
    assert "this day, 20 November 2026" in words(made.text)


def test_arxiv_is_not_spoken_of_when_another_source_is_silent(templates: jinja2.Environment) -> None:
    made = rendered(templates, concern(source="biorxiv"))
    for text in (made.html, made.text):
        assert "papers of a later day should have come by now" in words(text)
        assert "arxiv.org" not in text


def test_no_line_of_the_text_is_longer_than_72_or_ends_in_blanks(templates: jinja2.Environment) -> None:
    long = concern(source="a-feed-with-a-name-of-all-40-characters", state="failed", problem="word " * 200)
    for line in rendered(templates, concern(), long).text.splitlines():
        assert len(line) <= 72
        assert line == line.rstrip()


def test_a_problem_of_any_kind_is_shown_and_never_obeyed(office: Office, server: Post) -> None:
    alarm(office.store, failed(problem=NASTY))
    office.deliver(FRIDAY)
    [(_, content)] = server.taken
    message = parsed(content)
    assert message["Bcc"] is None
    page = html.document_fromstring(part(message, "html"))
    assert not {"script", "b"} & {one.tag for one in page.iter()}
    for text in (words(page.text_content()), words(part(message, "plain"))):
        assert words(NASTY) in text


def test_every_tag_is_closed_and_nothing_is_loaded(templates: jinja2.Environment) -> None:
    made = rendered(templates, concern(), concern(state="failed", problem=NASTY)).html
    body = re.sub(r"<!--.*?-->|<!DOCTYPE html>", "", made, flags=re.DOTALL)
    root = etree.fromstring(re.sub(r"<(meta|br)\b([^>]*)>", r"<\1\2/>", body))
    assert not {"img", "script", "iframe", "link", "form"} & {one.tag for one in root.iter()}
    assert next(one.text for one in root.iter("h1", "h2")) == "digestbot"
    assert all(table.get("role") == "presentation" for table in root.iter("table"))


def test_an_alert_is_the_golden_mail(
    store: Store, templates: jinja2.Environment, links: Links, golden: Callable[[str, bytes], None]
) -> None:
    alarm(store, stale(), failed(problem="https://example.org/feed.xml: answered 503 for 30 seconds"))
    delivery = waiting(store)
    assert delivery is not None
    golden("alert.eml", letters(store, templates, links).write(delivery))


# what is stored

CONCERNS = st.builds(
    Concern,
    source=st.from_regex(r"[a-z0-9][a-z0-9-]{0,39}", fullmatch=True),
    state=st.sampled_from(["stale", "failed"]),
    last_success=st.none() | st.datetimes(timezones=st.just(UTC)),
    newest=st.none() | st.dates(),
    problem=st.text(st.characters(exclude_categories=["Cs"])),
)


@given(concerns=st.lists(CONCERNS, min_size=1, max_size=4))
def test_what_is_stored_comes_back_as_it_was(concerns: list[Concern]) -> None:
    assert from_details(to_details(concerns)) == concerns


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["source", "state", "last_success", "newest", "problem"]), inner)
    ),
    max_leaves=8,
)


@given(details=st.text() | JSON.map(json.dumps))
def test_anything_else_that_is_stored_is_a_value_error_or_can_be_said(
    templates: jinja2.Environment, details: str
) -> None:
    try:
        concerns = from_details(details)
    except ValueError:
        return
    assert rendered(templates, *concerns).subject.startswith("digestbot: ")


@settings(max_examples=20)
@given(concerns=st.lists(CONCERNS, min_size=1, max_size=3))
def test_any_trouble_makes_a_mail_with_a_subject_of_one_line(
    templates: jinja2.Environment, concerns: list[Concern]
) -> None:
    made = rendered(templates, *concerns)
    assert made.subject == words(made.subject)
    assert made.text.count("digestbot load ") == len(concerns)


def test_a_delivery_to_nobody_that_is_no_alert_fails_alone(
    store: Store, templates: jinja2.Environment, links: Links
) -> None:
    reader = subscriber()
    made = alert_delivery([concern()], address=reader.email, domain=DOMAIN, now=FRIDAY)
    with pytest.raises(RejectedError, match="is for nobody"):
        letters(store, templates, links).write(replace(made, kind=DeliveryKind.DIGEST))
