"""What the admin hears when mail does not go out: once, when it does again, in a mail that says what was."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html
from structlog.testing import capture_logs

from digestbot.digest.render import Renderer
from digestbot.digest.stoppages import Stoppage, from_details, stoppage_delivery, to_details
from digestbot.links import Links
from digestbot.models import DeliveryState
from digestbot.pipeline.run import Outcome
from digestbot.pipeline.stoppages import Alarm
from digestbot.store import Store
from tests.factories import KEY, NOW
from tests.mails import parsed, part
from tests.pipeline.peers import DOMAIN, Office, Post, letters

ADMIN = f"admin@{DOMAIN}"
REFUSAL = "550 5.7.26 not authenticated, see https://mail.example.org/policy"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LINKS = Links("https://papers.example.org", [KEY])


def tell(store: Store, outcome: Outcome, now: datetime = NOW, admin: str = ADMIN) -> str:
    alarm = Alarm(
        undone=store.undone,
        outbox=store.outbox,
        suppressions=store.suppressions,
        admin=admin,
        domain=DOMAIN,
        server="mail.example.org:587",
    )
    return alarm.tell(outcome, now)


def alerts(store: Store) -> list[str]:
    return [row["key"] for row in store.database.rows("select key from deliveries where kind = 'alert' order by key")]


def stoppage(**changes: object) -> Stoppage:
    known = Stoppage(
        at=NOW, refused=True, problem="no", server="mail.example.org:587", waiting=1204, since=NOW - 5 * HOUR
    )
    return replace(known, **changes)  # type: ignore[arg-type]


def words(text: str) -> str:
    return " ".join(text.split())


# refused


def test_when_the_server_refuses_us_the_admin_hears_of_it_as_soon_as_it_takes_mail_again(
    office: Office, server: Post
) -> None:
    office.post("ada", "bela")
    server.to_sender = REFUSAL
    outcome = office.deliver()
    with capture_logs() as logs:
        told = tell(office.store, outcome)
    assert "goes out when mail does" in told
    [line] = logs
    assert (line["event"], line["log_level"], line["waiting"]) == ("the server refuses us", "error", 2)
    assert REFUSAL in line["problem"]
    assert office.deliver(NOW + HOUR).refused, "it is refused as the others are"
    server.to_sender = "250 2.1.0 go on"
    assert office.deliver(NOW + 2 * HOUR).counts == {DeliveryState.SENT: 3}
    [mail] = [parsed(content) for address, content in server.taken if address == ADMIN]
    assert mail["Subject"] == "digestbot: the server refused to take mail from us on 27 May 2025"
    assert mail["Auto-Submitted"] == "auto-generated"
    text = words(part(mail, "plain"))
    assert REFUSAL in text
    assert "Mails that waited: 2" in text
    assert office.store.suppressions.all() == []


def test_a_server_that_only_ever_says_later_is_told_of_after_an_hour(office: Office, server: Post) -> None:
    office.post("ada", "bela")
    server.to_data.update(dict.fromkeys(["ada@example.org", "bela@example.org"], "451 4.3.0 no room for anybody"))
    outcome = office.deliver()
    assert (outcome.stopped, outcome.counts) == ("", {DeliveryState.DEFERRED: 2})
    assert tell(office.store, outcome) == ""
    later = NOW + 2 * HOUR
    told = tell(office.store, office.deliver(later), later)
    assert "goes out when mail does" in told
    [row] = office.store.database.rows("select details from deliveries where kind = 'alert'")
    assert "no room for anybody" in row["details"]


def test_one_reader_whose_server_says_later_for_hours_is_nobody_s_business(office: Office, server: Post) -> None:
    office.post("ada", "bela")
    server.to_data["ada@example.org"] = "451 4.3.0 later"
    office.deliver()
    later = NOW + 2 * HOUR
    outcome = office.deliver(later)
    assert outcome.counts == {DeliveryState.DEFERRED: 1}
    assert tell(office.store, outcome, later) == ""


def test_however_often_a_run_is_refused_one_mail_waits_for_the_admin(office: Office, server: Post) -> None:
    office.post("ada")
    server.to_sender = REFUSAL
    for hours in range(0, 72, 12):
        now = NOW + hours * HOUR
        outcome = office.deliver(now)
        assert tell(office.store, outcome, now), "it is in the log each time"
    assert alerts(office.store) == ["delivery:2025-05-27"]


def test_on_a_day_on_which_the_admin_was_told_already_no_other_mail_is_written(office: Office, server: Post) -> None:
    office.post("ada")
    for now in (NOW, NOW + HOUR, NOW + DAY):
        server.to_sender = REFUSAL
        told = tell(office.store, Outcome(stopped="no", refused=True), now)
        server.to_sender = "250 2.1.0 go on"
        office.deliver(now)
        assert ("had a mail about this today already" in told) == (now == NOW + HOUR)
    assert server.message_ids()[ADMIN] == {
        f"<alert.delivery.2025-05-27@{DOMAIN}>": 1,
        f"<alert.delivery.2025-05-28@{DOMAIN}>": 1,
    }


# away


def test_a_server_that_is_away_for_less_than_an_hour_is_nobodys_business(
    store: Store, free_port: Callable[[], int], templates: jinja2.Environment, links: Links
) -> None:
    office = Office(store, letters(store, templates, links), free_port())
    office.post("ada")
    outcome = office.deliver()
    assert outcome.stopped
    assert not outcome.refused
    with capture_logs() as logs:
        assert tell(store, outcome, NOW + HOUR - timedelta(microseconds=1)) == ""
    assert (logs, alerts(store)) == ([], [])
    assert "waits with the others" in tell(store, outcome, NOW + HOUR)
    assert alerts(store) == ["delivery:2025-05-27"]


def test_a_run_that_stopped_after_it_got_mails_out_is_nobodys_business(office: Office) -> None:
    office.post("ada")
    some = Outcome(stopped="no connection", counts=Counter({DeliveryState.SENT: 1}))
    assert tell(office.store, some, NOW + 5 * HOUR) == ""
    none = Outcome(stopped="no connection", counts=Counter({DeliveryState.EXPIRED: 1}))
    assert tell(office.store, none, NOW + 5 * HOUR)


def test_a_run_that_did_not_stop_or_had_nothing_to_send_is_nobodys_business(office: Office) -> None:
    assert tell(office.store, Outcome(stopped="no connection"), NOW + DAY) == ""
    office.post("ada")
    assert tell(office.store, Outcome(), NOW + DAY) == ""
    assert alerts(office.store) == []


# nobody to tell


def test_without_an_admin_the_log_says_that_nobody_is_told(store: Store) -> None:
    with capture_logs() as logs:
        assert "[mail] admin is not set" in tell(store, Outcome(stopped="no", refused=True), admin="")
    assert [one["event"] for one in logs] == ["the server refuses us"]
    assert alerts(store) == []


def test_an_admin_whose_address_is_suppressed_is_not_mailed(store: Store) -> None:
    store.suppressions.suppress(ADMIN, "550 5.1.1 (bounce)", NOW)
    assert "set another one" in tell(store, Outcome(stopped="no", refused=True), admin=f"The Admin <{ADMIN}>")
    assert alerts(store) == []


# what it says


def test_both_parts_say_what_happened_what_it_means_and_what_to_do(templates: jinja2.Environment) -> None:
    made = Renderer(templates, LINKS).stopped(stoppage(problem=f"the server refuses us: {REFUSAL}"), ADMIN)
    for text in (words(html.document_fromstring(made.html).text_content()), words(made.text)):
        for told in (
            REFUSAL,
            "mail.example.org:587",
            "27 May 2025, 08:00 UTC",
            "27 May 2025, 03:00 UTC",
            "1,204",
            "No address was suppressed",
            "digestbot outbox",
            "digestbot mail test ADDRESS",
            "digestbot doctor",
            f"[mail] admin in the settings of digestbot is {ADMIN}",
        ):
            assert told in text
        assert "arxiv" not in text.lower()
    away = Renderer(templates, LINKS).stopped(stoppage(refused=False, server="", since=None), ADMIN)
    assert away.subject == "digestbot: mail did not go out on 27 May 2025"
    assert "The first of them since" not in away.text
    assert "Server" not in away.text


def test_no_line_of_the_text_is_longer_than_72_or_ends_in_blanks(templates: jinja2.Environment) -> None:
    for line in Renderer(templates, LINKS).stopped(stoppage(problem="word " * 200), ADMIN).text.splitlines():
        assert len(line) <= 72
        assert line == line.rstrip()


def test_words_of_a_server_are_shown_and_never_obeyed(office: Office, server: Post) -> None:
    nasty = """<script>alert("1")</script> & <b title='x'>bold</b> {{ 7 * 7 }}\r\nBcc: eve@example.org"""
    tell(office.store, Outcome(stopped=nasty, refused=True))
    office.deliver()
    [(_, content)] = server.taken
    message = parsed(content)
    assert message["Bcc"] is None
    page = html.document_fromstring(part(message, "html"))
    assert not {"script", "b"} & {one.tag for one in page.iter()}
    for text in (words(page.text_content()), words(part(message, "plain"))):
        assert words(nasty) in text


def test_an_alert_of_refused_mail_is_the_golden_mail(
    store: Store, templates: jinja2.Environment, links: Links, golden: Callable[[str, bytes], None]
) -> None:
    told = stoppage(problem=f"the server refuses us: {REFUSAL}")
    delivery = stoppage_delivery(told, address=ADMIN, domain=DOMAIN)
    golden("alert_delivery.eml", letters(store, templates, links).write(delivery))


# what is stored

STOPPAGES = st.builds(
    Stoppage,
    at=st.datetimes(timezones=st.just(UTC)),
    refused=st.booleans(),
    problem=st.text(st.characters(exclude_categories=["Cs"])),
    server=st.from_regex(r"[a-z.]{0,20}", fullmatch=True),
    waiting=st.integers(0, 10**9),
    since=st.none() | st.datetimes(timezones=st.just(UTC)),
)


@given(one=STOPPAGES)
def test_what_is_stored_comes_back_as_it_was(one: Stoppage) -> None:
    assert from_details(to_details(one)) == one


@settings(max_examples=20)
@given(one=STOPPAGES)
def test_any_stoppage_makes_a_mail_with_a_subject_of_one_line(templates: jinja2.Environment, one: Stoppage) -> None:
    made = Renderer(templates, LINKS).stopped(one, ADMIN)
    assert made.subject == words(made.subject)
    assert re.search(r"^  Mails that waited: [\d,]+$", made.text, re.MULTILINE)


KEYS = ["at", "refused", "problem", "server", "waiting", "since"]
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(NOW.isoformat())
ODD = st.lists(VALUES, max_size=3) | VALUES | st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, VALUES))


@given(details=st.text() | ODD.map(json.dumps))
def test_anything_else_that_is_stored_is_a_value_error_or_can_be_said(
    templates: jinja2.Environment, details: str
) -> None:
    try:
        found = from_details(details)
    except ValueError:
        return
    assert Renderer(templates, LINKS).stopped(found, ADMIN).subject.startswith("digestbot: ")


@pytest.mark.parametrize("details", ["", "[]", "null", "{}", "[" * 100_000, '{"at": "2025-05-27"}'])
def test_an_alert_that_cannot_be_read_fails_alone(office: Office, server: Post, details: str) -> None:
    office.post("ada")
    made = stoppage_delivery(stoppage(), address=ADMIN, domain=DOMAIN)
    office.store.outbox.add(replace(made, details=details))
    outcome = office.deliver()
    assert (dict(outcome.counts), outcome.stopped) == ({DeliveryState.FAILED: 1, DeliveryState.SENT: 1}, "")
    assert server.addresses() == ["ada@example.org"]


def test_an_alert_about_sources_is_still_one_about_sources(office: Office, server: Post) -> None:
    stored = '[{"source": "arxiv", "state": "stale", "last_success": null, "newest": null, "problem": ""}]'
    made = stoppage_delivery(stoppage(), address=ADMIN, domain=DOMAIN)
    office.store.outbox.add(replace(made, key="sources:2025-05-27", details=stored))
    office.deliver()
    [(_, content)] = server.taken
    assert parsed(content)["Subject"] == "digestbot: nothing new from arxiv so far (27 May)"
