"""Unsubscribing, preferences, confirming."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from digestbot.models import DeliveryKind, SubscriberState
from digestbot.store import Preferences
from tests.factories import NOW
from tests.web.conftest import Site, form_fields, heading, tree

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
FORM = {"send_at": "06:30", "timezone": "Europe/Berlin", "days": "weekdays", "papers": "5", "language": "de"}


@pytest.mark.parametrize("page", ["unsubscribe", "preferences"])
def test_opening_a_link_of_the_mail_changes_nothing(site: Site, page: str) -> None:
    before = site.dump()
    for _ in range(2):
        assert site.client.get(getattr(site, page)).status_code == 200
        assert site.client.head(getattr(site, page)).status_code == 200
    assert site.dump() == before


def test_the_page_asks_and_its_button_unsubscribes(site: Site) -> None:
    page = site.client.get(site.unsubscribe)
    assert heading(page) == "Unsubscribe?"
    (form,) = tree(page).forms
    answer = site.client.post(site.unsubscribe, data=form_fields(form))
    assert heading(answer) == "No more mail"
    assert site.state() == SubscriberState.UNSUBSCRIBED


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"List-Unsubscribe=One-Click", URLENCODED),
        (b"List-Unsubscribe=One-Click\r\n", f"{URLENCODED}; charset=UTF-8"),
        (MULTIPART, "multipart/form-data; boundary=b"),
        (b"", URLENCODED),
        (b"", ""),
    ],
)
def test_the_mail_programs_button_unsubscribes_at_once_without_cookie_or_redirect(
    site: Site, body: bytes, kind: str
) -> None:
    answer = site.client.post(site.unsubscribe, content=body, headers={"Content-Type": kind} if kind else {})
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert "location" not in answer.headers
    assert site.state() == SubscriberState.UNSUBSCRIBED


def test_unsubscribing_twice_is_unsubscribing_once(site: Site) -> None:
    site.client.post(site.unsubscribe)
    before = site.dump()
    site.times.append(NOW + timedelta(days=1))
    answer = site.client.post(site.unsubscribe)
    assert (answer.status_code, heading(answer)) == (200, "No more mail")
    assert site.dump() == before
    assert heading(site.client.get(site.unsubscribe)) == "No more mail"


def test_undo_takes_the_reader_back(site: Site) -> None:
    (form,) = tree(site.client.post(site.unsubscribe)).forms
    answer = site.client.post(site.unsubscribe, data=form_fields(form))
    assert heading(answer) == "Welcome back"
    assert site.state() == SubscriberState.ACTIVE


def test_undo_makes_nobody_active_who_was_paused(site: Site) -> None:
    site.client.post(site.preferences, data=FORM | {"pause": "1", "language": "en"})
    # As a mail program does it; the page is opened later.
    site.client.post(site.unsubscribe, data={"List-Unsubscribe": "One-Click"})
    (form,) = tree(site.client.get(site.unsubscribe)).forms
    for _ in range(2):
        answer = site.client.post(site.unsubscribe, data=form_fields(form))
        assert heading(answer) == "Welcome back"
        assert "Mails are paused." in answer.text
        assert site.state() == SubscriberState.PAUSED
    # What is long over counts no more.
    site.client.post(site.preferences, data=FORM)
    site.client.post(site.unsubscribe)
    site.client.post(site.unsubscribe, data=form_fields(form))
    assert site.state() == SubscriberState.ACTIVE


def test_undo_brings_back_nobody_whose_address_refuses_mail(site: Site) -> None:
    site.client.post(site.preferences, data=FORM | {"pause": "1", "language": "en"})
    site.client.post(site.unsubscribe)
    site.store.suppressions.suppress(site.reader.email, "550 5.1.1", NOW)
    assert heading(site.client.post(site.unsubscribe, data={"again": "1"})) == "Nothing to undo"
    assert site.state() == SubscriberState.UNSUBSCRIBED


@pytest.mark.parametrize("state", [SubscriberState.PENDING, SubscriberState.BOUNCED, SubscriberState.PAUSED])
def test_undo_is_for_those_who_left_only(site: Site, state: SubscriberState) -> None:
    site.store.subscribers.set_state(site.reader.id, state, NOW)
    site.client.post(site.unsubscribe, data={"again": "1"})
    assert site.state() == state


@pytest.mark.parametrize("body", [b"List-Unsubscribe=One-Click&x=" + b"y" * 65_536, b"\xff&" * 600])
def test_whatever_the_body_a_post_unsubscribes(site: Site, body: bytes) -> None:
    assert site.client.post(site.unsubscribe, content=body, headers={"Content-Type": URLENCODED}).status_code == 200
    assert site.state() == SubscriberState.UNSUBSCRIBED


def test_an_address_that_bounced_stays_bounced(site: Site) -> None:
    site.store.suppressions.suppress(site.reader.email, "550 5.1.1", NOW)
    assert site.client.post(site.unsubscribe).status_code == 200
    assert site.state() == SubscriberState.BOUNCED


@pytest.mark.parametrize("page", ["unsubscribe", "preferences"])
def test_links_of_an_erased_reader_answer_and_do_nothing(site: Site, page: str) -> None:
    link = getattr(site, page)
    site.erase_reader()
    before = site.dump()
    for answer in (site.client.get(link), site.client.post(link, data=FORM)):
        assert (answer.status_code, heading(answer)) == (200, "Nothing to do here")
    assert site.dump() == before


@pytest.mark.parametrize("page", ["u", "p", "c"])
def test_a_link_that_is_not_ours_is_not_found(site: Site, page: str) -> None:
    before = site.dump()
    for token in ("x", "a.b.c", site.links.token("f", site.reader.id)):
        for answer in (site.client.get(f"/{page}/{token}"), site.client.post(f"/{page}/{token}", data=FORM)):
            assert (answer.status_code, heading(answer)) == (404, "This link does not work")
    assert site.dump() == before


def test_the_preferences_page_shows_what_holds(site: Site) -> None:
    (form,) = tree(site.client.get(site.preferences)).forms
    assert form_fields(form).items() >= {"send_at": "07:00", "timezone": "UTC", "days": "daily", "papers": "10"}.items()
    assert form_fields(form)["language"] == "en"
    assert "pause" not in form_fields(form)


def test_the_languages_of_the_mails_are_named_as_their_readers_call_them(site: Site) -> None:
    options = tree(site.client.get(site.preferences)).xpath("//select[@name='language']/option")
    assert [(one.get("value"), one.get("lang"), one.text) for one in options] == [
        ("en", "en", "English"),
        ("de", "de", "Deutsch"),
    ]


def test_a_page_that_was_opened_before_there_was_a_choice_of_language_changes_none(site: Site) -> None:
    site.client.post(site.preferences, data=FORM)
    without = {name: value for name, value in FORM.items() if name != "language"}
    assert site.client.post(site.preferences, data=without).status_code == 200
    assert site.store.subscribers.get(site.reader.id).language == "de"


def test_preferences_are_saved_and_shown(site: Site) -> None:
    answer = site.client.post(site.preferences, data=FORM)
    assert tree(answer).xpath("string(//*[@role='status'])") == "Gespeichert."
    found = site.store.subscribers.get(site.reader.id)
    assert (found.send_at.isoformat(), found.timezone, found.days, found.papers) == (
        "06:30:00",
        "Europe/Berlin",
        "weekdays",
        5,
    )
    assert found.language == "de"
    for page in (answer, site.client.get(site.preferences)):
        (form,) = tree(page).forms
        assert form_fields(form).items() >= FORM.items()


def test_saving_the_page_as_it_stands_changes_no_choice(site: Site) -> None:
    site.client.post(site.preferences, data=FORM | {"days": "some", "tue": "1", "sun": "1", "pause": "1"})
    before = site.store.subscribers.get(site.reader.id)
    (form,) = tree(site.client.get(site.preferences)).forms
    site.client.post(site.preferences, data=form_fields(form))
    assert site.store.subscribers.get(site.reader.id) == before
    assert (before.days, before.state) == ("tue,sun", SubscriberState.PAUSED)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"timezone": "Mars/Olympus"}, "is not a time zone"),
        ({"timezone": "../etc/passwd"}, "is not a time zone"),
        ({"timezone": ""}, "is not a time zone"),
        ({"send_at": "25:00"}, "is not a time of day"),
        ({"send_at": "07"}, "is not a time of day"),
        ({"send_at": ""}, "is not a time of day"),
        ({"papers": "0"}, "from 1 to 50"),
        ({"papers": "51"}, "from 1 to 50"),
        ({"papers": "-1"}, "from 1 to 50"),
        ({"papers": "ten"}, "from 1 to 50"),
        ({"papers": ""}, "from 1 to 50"),
        ({"days": "some"}, "Choose at least one day"),
        ({"days": "someday"}, "does not name days"),
        ({"days": ""}, "does not name days"),
        ({"language": "xx"}, "is not a language of the mails"),
        ({"language": ""}, "is not a language of the mails"),
        ({"timezone": "<script>x</script>"}, "<script>x</script>"),
    ],
)
def test_a_wrong_choice_is_named_and_nothing_is_saved(site: Site, wrong: dict[str, str], said: str) -> None:
    before = site.dump()
    answer = site.client.post(site.preferences, data=FORM | wrong)
    assert answer.status_code == 400
    (alert,) = tree(answer).xpath("//*[@role='alert']")
    assert said in alert.text_content()
    assert not tree(answer).xpath("//script")
    assert site.dump() == before


def test_pausing_and_coming_back(site: Site) -> None:
    site.client.post(site.preferences, data=FORM | {"pause": "1"})
    assert site.state() == SubscriberState.PAUSED
    site.client.post(site.preferences, data=FORM)
    assert site.state() == SubscriberState.ACTIVE


def test_preferences_confirm_nobody(site: Site) -> None:
    site.store.subscribers.set_state(site.reader.id, SubscriberState.PENDING, NOW)
    site.client.post(site.preferences, data=FORM)
    assert site.state() == SubscriberState.PENDING


@pytest.mark.parametrize("state", [SubscriberState.UNSUBSCRIBED, SubscriberState.BOUNCED])
def test_preferences_bring_nobody_back(site: Site, state: SubscriberState) -> None:
    site.store.subscribers.set_state(site.reader.id, state, NOW)
    before = site.dump()
    for answer in (site.client.get(site.preferences), site.client.post(site.preferences, data=FORM)):
        assert heading(answer) == "No mail comes to you"
    assert site.dump() == before


def signed_up(site: Site) -> tuple[int, str]:
    reader = site.store.subscribers.add("bela@example.org", SubscriberState.PENDING, Preferences(send_at="06:15"), NOW)
    return reader.id, site.links.confirm(reader.id, NOW)


def test_opening_the_confirm_link_confirms_nothing(site: Site) -> None:
    _, link = signed_up(site)
    before = site.dump()
    assert heading(site.client.get(link)) == "Start the mails?"
    assert site.client.head(link).status_code == 200
    assert site.dump() == before


@pytest.mark.parametrize("after", [timedelta(0), timedelta(hours=47, minutes=59)])
def test_confirming_within_48_hours_starts_the_mails(site: Site, after: timedelta) -> None:
    identifier, link = signed_up(site)
    site.times.append(NOW + after)
    (form,) = tree(site.client.get(link)).forms
    answer = site.client.post(link, data=form_fields(form))
    assert heading(answer) == "You are in"
    assert "06:15 (UTC)" in answer.text
    assert site.store.subscribers.get(identifier).state == SubscriberState.ACTIVE
    assert site.links.preferences(identifier) in answer.text
    # The browser's reload, and the link opened again.
    before = site.dump()
    assert heading(site.client.post(link)) == heading(site.client.get(link)) == "You are in"
    assert site.dump() == before


def test_after_48_hours_the_link_confirms_nothing(site: Site) -> None:
    identifier, link = signed_up(site)
    site.times.append(NOW + timedelta(hours=48, seconds=1))
    for answer in (site.client.get(link), site.client.post(link)):
        assert answer.status_code == 404
        assert "48 hours" in answer.text
    assert site.store.subscribers.get(identifier).state == SubscriberState.PENDING


@pytest.mark.parametrize("state", [SubscriberState.UNSUBSCRIBED, SubscriberState.BOUNCED, SubscriberState.PAUSED])
def test_an_old_confirm_link_brings_nobody_back(site: Site, state: SubscriberState) -> None:
    identifier, link = signed_up(site)
    site.store.subscribers.set_state(identifier, state, NOW)
    assert heading(site.client.post(link)) == "This link has done its work"
    assert site.store.subscribers.get(identifier).state == state


def test_a_confirm_link_of_an_erased_reader_does_nothing(site: Site) -> None:
    link = site.links.confirm(site.reader.id, NOW)
    site.erase_reader()
    answer: Any = site.client.post(link)
    assert (answer.status_code, heading(answer)) == (200, "Nothing to do here")


# the mails of these pages


def waiting(site: Site, kind: DeliveryKind) -> list[str]:
    rows = site.store.database.rows(
        "select address from deliveries where kind = ? and state = 'pending' order by id", (kind,)
    )
    return [row["address"] for row in rows]


def test_who_confirms_is_greeted_once(site: Site) -> None:
    pending = site.store.subscribers.add("cleo@example.org", SubscriberState.PENDING, Preferences(), NOW)
    link = site.links.confirm(pending.id, NOW)
    assert waiting(site, DeliveryKind.WELCOME) == []
    site.client.get(link)
    assert waiting(site, DeliveryKind.WELCOME) == []
    for _ in range(2):
        site.client.post(link)
    assert waiting(site, DeliveryKind.WELCOME) == ["cleo@example.org"]


def test_who_leaves_is_told_once_that_it_was_the_last_mail(site: Site) -> None:
    link = site.links.unsubscribe(site.reader.id)
    site.client.get(link)
    assert waiting(site, DeliveryKind.GOODBYE) == []
    for _ in range(2):
        site.client.post(link, data={"List-Unsubscribe": "One-Click"})
    assert waiting(site, DeliveryKind.GOODBYE) == [site.reader.email]
    # It is for who has left: nobody who came back meanwhile is told goodbye.
    site.client.post(link, data={"again": "1"})
    site.store.outbox.drop_unwanted(NOW)
    assert waiting(site, DeliveryKind.GOODBYE) == []
