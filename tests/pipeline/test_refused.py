"""What is about us, and not about a mail: several in a row stop a run, a single one keeps nobody from theirs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import jinja2
import pytest

from digestbot.digest.compose import confirm_delivery
from digestbot.digest.environment import environment
from digestbot.digest.render import Renderer
from digestbot.links import Links
from digestbot.models import DeliveryState, SubscriberState
from digestbot.pipeline.letters import Letters
from digestbot.settings import packaged
from digestbot.store import Preferences, Store
from tests.factories import NOW
from tests.pipeline.peers import DOMAIN, Office, Post

ADA, BELA, CY = (f"{name}@{DOMAIN}" for name in ("ada", "bela", "cy"))
MINUTE = timedelta(minutes=1)


REFUSALS = pytest.mark.parametrize(
    ("where", "reply"),
    [("to_recipient", "550 5.7.1 your network is not welcome"), ("to_data", "554 5.7.1 looks like spam")],
)


@REFUSALS
def test_a_server_that_refuses_us_stops_the_run_and_suppresses_nobody(
    office: Office, server: Post, where: str, reply: str
) -> None:
    names = ["ada", "bela", "cy", "dora", "emil"]
    office.post(*names)
    addresses = [f"{name}@{DOMAIN}" for name in names]
    getattr(server, where).update(dict.fromkeys(addresses, reply))
    outcome = office.deliver()
    assert (outcome.early, outcome.refused) == (True, True)
    assert reply in outcome.stopped
    # Three in a row are about us.
    assert office.states() == {"deferred": 3, "pending": 2}
    assert office.store.suppressions.all() == []
    # The next run begins with those that were not tried.
    assert office.deliver(NOW + MINUTE).counts == {DeliveryState.DEFERRED: 2}
    getattr(server, where).clear()
    assert office.deliver(NOW + 2 * MINUTE).counts == {}
    assert office.deliver(NOW + 6 * MINUTE).counts == {DeliveryState.SENT: 5}
    assert server.addresses() == addresses


@REFUSALS
def test_what_one_reader_s_server_says_of_us_keeps_no_mail_from_the_others(
    office: Office, server: Post, where: str, reply: str
) -> None:
    made = office.post("ada", "bela", "cy")
    getattr(server, where)[BELA] = reply
    outcome = office.deliver()
    assert outcome.counts == {DeliveryState.SENT: 2, DeliveryState.DEFERRED: 1}
    assert server.addresses() == [ADA, CY]
    # Somebody has to look all the same.
    assert (reply in outcome.stopped, outcome.refused, outcome.early) == (True, True, False)
    assert office.state(made[1]) == DeliveryState.DEFERRED
    assert office.store.suppressions.all() == []
    assert office.store.subscribers.get(made[1].subscriber_id).state == SubscriberState.ACTIVE


def test_a_mail_that_is_refused_as_ours_is_tried_again_after_growing_waits(office: Office, server: Post) -> None:
    [made] = office.post("ada")
    server.to_recipient[ADA] = "550 5.7.1 recipient has blocked you"
    now = NOW
    for minutes in (5, 15, 60):
        assert office.deliver(now).counts == {DeliveryState.DEFERRED: 1}
        now += minutes * MINUTE
        assert office.deliver(now - timedelta(seconds=1)).counts == {}
    # Until the next digest is due.
    assert office.deliver(NOW + timedelta(hours=23)).counts == {DeliveryState.EXPIRED: 1}
    assert office.state(made) == DeliveryState.EXPIRED
    [row] = office.store.database.rows("select smtp_code, smtp_text from deliveries")
    assert tuple(row) == (550, "5.7.1 recipient has blocked you")


def test_a_server_that_refuses_the_sender_stops_the_run(office: Office, server: Post) -> None:
    office.post("ada", "bela", "cy", "dora")
    server.to_sender = "553 5.1.8 sender domain unknown"
    outcome = office.deliver()
    assert "553 5.1.8" in outcome.stopped
    assert outcome.early
    # It was not about any of them.
    assert office.states() == {"pending": 4}
    assert office.store.suppressions.suppressed([ADA, BELA]) == set()
    server.to_sender = "250 2.1.0 go on"
    assert office.deliver().counts == {DeliveryState.SENT: 4}


def test_a_template_that_is_wrong_stops_the_run_and_loses_nothing(
    office: Office, server: Post, store: Store, links: Links, tmp_path: Path
) -> None:
    office.post("ada", "bela", "cy", "dora")
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / "digest.txt.j2").write_text("{{ misspelt }}", encoding="utf-8")
    broken: jinja2.Environment = environment(packaged("templates"), tmp_path)
    letters_of_broken = Letters(store.digests, store.subscribers, Renderer(broken, links), links, office.letters.sender)
    outcome = replace(office, letters=letters_of_broken).deliver()
    assert "misspelt" in outcome.stopped
    assert office.states() == {"deferred": 3, "pending": 1}
    # Who has mended it need not wait.
    assert office.deliver().counts == {DeliveryState.SENT: 4}


def test_however_many_mails_no_template_fits_the_others_go_out_first(
    office: Office, server: Post, store: Store, links: Links, tmp_path: Path
) -> None:
    names = ["ada", "bela", "cy"]
    for name in names:
        new = office.store.subscribers.add(f"{name}@{DOMAIN}", SubscriberState.PENDING, Preferences(), NOW)
        office.store.outbox.add(confirm_delivery(new, domain=DOMAIN, now=NOW))
    # They were put off once, which does not help them to come first.
    server.to_recipient.update({f"{name}@{DOMAIN}": "451 4.3.0 later" for name in names})
    office.deliver()
    server.to_recipient.clear()
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / "confirm.txt.j2").write_text("{{ misspelt }}", encoding="utf-8")
    broken: jinja2.Environment = environment(packaged("templates"), tmp_path)
    letters_of_broken = Letters(store.digests, store.subscribers, Renderer(broken, links), links, office.letters.sender)
    office.post("dora")
    again = replace(office, letters=letters_of_broken)
    runs = [again.deliver(NOW + minutes * MINUTE) for minutes in (10, 11)]
    assert runs[0].stopped
    assert (runs[1].counts[DeliveryState.SENT], server.addresses()) == (1, [f"dora@{DOMAIN}"])
    reasons = {
        row["smtp_text"] for row in store.database.rows("select smtp_text from deliveries where kind = 'confirm'")
    }
    assert all("misspelt" in reason for reason in reasons)


def test_one_mail_that_no_template_fits_keeps_no_other_from_going_out(
    office: Office, server: Post, store: Store, links: Links, tmp_path: Path
) -> None:
    office.post("ada", "bela")
    new = office.store.subscribers.add("new@example.org", SubscriberState.PENDING, Preferences(), NOW)
    office.store.outbox.add(confirm_delivery(new, domain=DOMAIN, now=NOW))
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / "confirm.txt.j2").write_text("{{ misspelt }}", encoding="utf-8")
    broken: jinja2.Environment = environment(packaged("templates"), tmp_path)
    letters_of_broken = Letters(store.digests, store.subscribers, Renderer(broken, links), links, office.letters.sender)
    outcome = replace(office, letters=letters_of_broken).deliver()
    assert outcome.counts == {DeliveryState.SENT: 2, DeliveryState.DEFERRED: 1}
    assert ("misspelt" in outcome.stopped, outcome.refused, outcome.early) == (True, False, False)
