"""Delivering to a real server: what each of its answers comes to, and that nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path

import pytest

from digestbot.digest.compose import confirm_delivery
from digestbot.digest.environment import environment
from digestbot.links import Links
from digestbot.models import DeliveryState, SubscriberState
from digestbot.settings import packaged
from digestbot.store import Preferences
from digestbot.store.suppressions import Cause
from tests.factories import DAY, NOW, digest, paper
from tests.mails import parsed, part
from tests.pipeline.peers import DOMAIN, Office, Post, letters, narrow_door
from tests.store.scenes import claim, sent_papers

ADA, BELA, CY = (f"{name}@{DOMAIN}" for name in ("ada", "bela", "cy"))
MINUTE = timedelta(minutes=1)


def test_every_mail_arrives_once_and_is_marked(office: Office, server: Post) -> None:
    made = office.post("ada", "bela", "cy")
    office.connections = 2
    outcome = office.deliver()
    assert (dict(outcome.counts), outcome.stopped) == ({DeliveryState.SENT: 3}, "")
    assert server.addresses() == [ADA, BELA, CY]
    assert office.states() == {"sent": 3}
    found = message_from_bytes(dict(server.taken)[ADA])
    assert found["Message-ID"] == office.delivery(made[0]).message_id
    assert found["To"] == ADA
    assert office.deliver().counts == {}
    assert len(server.seen) == 3


def test_a_subscriber_who_left_before_the_mail_went_out_gets_none(office: Office, server: Post) -> None:
    left, _ = office.post("ada", "bela")
    office.store.subscribers.set_state(left.subscriber_id, SubscriberState.UNSUBSCRIBED, NOW)
    assert office.deliver().counts == {DeliveryState.EXPIRED: 1, DeliveryState.SENT: 1}
    assert server.addresses() == [BELA]


def test_a_sign_up_gets_the_mail_that_asks_with_a_link_of_48_hours(office: Office, server: Post, links: Links) -> None:
    new = office.store.subscribers.add("new@example.org", SubscriberState.PENDING, Preferences(), NOW)
    office.store.outbox.add(confirm_delivery(new, domain=DOMAIN, now=NOW))
    assert office.deliver().counts == {DeliveryState.SENT: 1}
    [(address, content)] = server.taken
    assert address == new.email
    link = next(word for word in part(parsed(content), "plain").split() if "/c/" in word)
    assert links.read_confirm(link.rpartition("/")[2], NOW + timedelta(hours=47)) == new.id


# the server's answers


def test_a_server_that_says_later_is_asked_again_after_growing_waits(office: Office, server: Post) -> None:
    [made] = office.post("ada")
    server.to_recipient[ADA] = "451 4.3.0 come back later"
    now, message_id = NOW, office.delivery(made).message_id
    for minutes in (5, 15, 60, 240, 240):
        assert office.deliver(now).counts == {DeliveryState.DEFERRED: 1}
        now += minutes * MINUTE
        assert office.deliver(now - timedelta(seconds=1)).counts == {}
    del server.to_recipient[ADA]
    assert office.deliver(now).counts == {DeliveryState.SENT: 1}
    assert office.delivery(made).attempts == 6
    assert server.message_ids() == {ADA: {message_id: 1}}


@pytest.mark.parametrize("where", ["to_recipient", "to_data"])
def test_one_deferred_mail_does_not_hold_up_the_others(office: Office, server: Post, where: str) -> None:
    made = office.post("ada", "bela", "cy")
    getattr(server, where)[BELA] = "450 4.2.0 mailbox busy"
    outcome = office.deliver()
    assert (dict(outcome.counts), outcome.stopped) == ({DeliveryState.SENT: 2, DeliveryState.DEFERRED: 1}, "")
    assert server.addresses() == [ADA, CY]
    assert office.state(made[1]) == DeliveryState.DEFERRED


def test_an_address_that_is_not_there_is_suppressed_and_its_subscriber_bounced(office: Office, server: Post) -> None:
    gone, _ = office.post("ada", "bela")
    server.to_recipient[ADA] = "550 5.1.1 no such user"
    assert office.deliver().counts == {DeliveryState.FAILED: 1, DeliveryState.SENT: 1}
    assert office.store.suppressions.suppressed([ADA, BELA]) == {ADA}
    assert office.store.subscribers.get(gone.subscriber_id).state == SubscriberState.BOUNCED
    assert office.deliver(NOW + timedelta(days=1)).counts == {}
    [suppression] = office.store.suppressions.all()
    assert (suppression.cause, suppression.reason) == (Cause.HARD, "550 5.1.1 no such user")


def test_another_refusal_fails_that_mail_alone_and_says_nothing_about_the_address(office: Office, server: Post) -> None:
    made, _ = office.post("ada", "bela")
    server.to_data[ADA] = "552 5.3.4 message too big"
    outcome = office.deliver()
    assert (dict(outcome.counts), outcome.stopped) == ({DeliveryState.SENT: 1, DeliveryState.FAILED: 1}, "")
    assert office.store.suppressions.suppressed([ADA]) == set()
    assert office.store.subscribers.get(made.subscriber_id).state == SubscriberState.ACTIVE
    assert office.deliver(NOW + timedelta(days=1)).counts == {}
    [row] = office.store.database.rows("select smtp_code, smtp_text from deliveries where state = 'failed'")
    assert tuple(row) == (552, "5.3.4 message too big")


def test_no_server_at_all_stops_the_run_and_everything_waits(
    office: Office, server: Post, free_port: Callable[[], int]
) -> None:
    made = office.post("ada", "bela", "cy")
    office.port, office.connections = free_port(), 2
    outcome = office.deliver()
    assert outcome.counts == {}
    assert f"no connection to the SMTP server 127.0.0.1:{office.port}" in outcome.stopped
    assert office.states() == {"pending": 3}
    assert {office.delivery(one).attempts for one in made} == {0}
    office.port = server.port
    assert office.deliver().counts == {DeliveryState.SENT: 3}


def test_a_run_that_is_to_end_finishes_what_it_has_in_hand_and_begins_no_more(office: Office, server: Post) -> None:
    office.post("ada", "bela", "cy")
    assert office.deliver(ending=lambda: len(server.seen) >= 1).counts == {DeliveryState.SENT: 1}
    assert office.states() == {"sent": 1, "pending": 2}
    assert office.deliver().counts == {DeliveryState.SENT: 2}
    assert len(server.seen) == 3


# uncertain


def test_a_line_that_broke_after_the_data_is_tried_again_under_the_same_message_id(
    office: Office, server: Post
) -> None:
    made, _ = office.post("ada", "bela")
    server.hang_up_after_data.add(ADA)
    assert office.deliver().counts == {DeliveryState.DEFERRED: 1, DeliveryState.SENT: 1}
    server.hang_up_after_data.clear()
    assert office.deliver(NOW + 5 * MINUTE).counts == {DeliveryState.SENT: 1}
    assert server.message_ids()[ADA] == {office.delivery(made).message_id: 2}
    first, second = (content for address, content in server.seen if address == ADA)
    assert first == second


def test_a_line_that_broke_after_the_data_is_held_when_so_told(office: Office, server: Post) -> None:
    made, _ = office.post("ada", "bela")
    office.on_uncertain = "hold"
    server.hang_up_after_data.add(ADA)
    assert office.deliver().counts == {DeliveryState.HELD: 1, DeliveryState.SENT: 1}
    assert office.deliver(NOW + timedelta(days=1)).counts == {}
    assert len([address for address, _ in server.seen if address == ADA]) == 1
    assert sent_papers(office.store, made.subscriber_id) == {item.paper.id for item in made.items}


@pytest.mark.parametrize(
    ("policy", "state", "arrived"), [("resend", DeliveryState.SENT, 1), ("hold", DeliveryState.HELD, 0)]
)
def test_what_a_dead_run_had_in_hand_goes_out_again_or_is_held(
    office: Office, server: Post, policy: str, state: DeliveryState, arrived: int
) -> None:
    [made] = office.post("ada")
    office.store.outbox.open_run("dead")
    claim(office.store, 1, NOW)
    office.store.outbox.close_run()
    office.on_uncertain = "hold" if policy == "hold" else "resend"
    assert office.deliver().counts == {state: 1}
    assert len(server.taken) == arrived
    assert office.state(made) == state


# the same mail, the same bytes


def test_a_mail_that_goes_out_again_is_the_same_bytes_whatever_changed_meanwhile(office: Office, server: Post) -> None:
    [made] = office.post("ada")
    server.to_data[ADA] = "451 4.3.0 later"
    office.deliver()
    office.store.papers.add([paper(1, title="Another title", upvotes=99), paper(2, upvotes=5)], NOW)
    office.store.subscribers.set_preferences(
        made.subscriber_id, timezone="UTC", send_at="07:00", days="daily", papers=3, now=NOW
    )
    server.to_data.clear()
    assert office.deliver(NOW + timedelta(hours=1)).counts == {DeliveryState.SENT: 1}
    first, second = (content for _, content in server.seen)
    assert first == second


def test_an_upgrade_in_between_sends_the_new_bytes_under_the_old_message_id(
    office: Office, server: Post, tmp_path: Path, links: Links
) -> None:
    [made] = office.post("ada")
    server.to_data[ADA] = "451 4.3.0 later"
    office.deliver()
    folder = tmp_path / "templates"
    (folder / "email").mkdir(parents=True)
    (folder / "email" / "digest.txt.j2").write_text("Redesigned.\n", encoding="utf-8")
    redesigned = letters(office.store, environment(packaged("templates"), folder), links)
    server.to_data.clear()
    after = replace(office, letters=redesigned)
    assert after.deliver(NOW + timedelta(hours=1)).counts == {DeliveryState.SENT: 1}
    assert server.message_ids() == {ADA: {office.delivery(made).message_id: 2}}
    assert b"Redesigned." in server.taken[0][1]


# what must not lose a mail


def test_a_mail_that_waited_too_long_is_not_sent(office: Office, server: Post) -> None:
    [made] = office.post("ada")
    new = office.store.subscribers.add("new@example.org", SubscriberState.PENDING, Preferences(), NOW)
    office.store.outbox.add(confirm_delivery(new, domain=DOMAIN, now=NOW))
    # The next digest is due, or the link in the mail is not good any more.
    assert office.deliver(NOW + timedelta(hours=23)).counts == {DeliveryState.SENT: 1, DeliveryState.EXPIRED: 1}
    assert server.addresses() == ["new@example.org"]
    expired = office.delivery(made)
    assert (expired.state, expired.attempts) == (DeliveryState.EXPIRED, 0)
    [row] = office.store.database.rows("select smtp_text from deliveries where state = 'expired'")
    assert row["smtp_text"] == "it waited for too long: nobody wants it any more"
    late = office.store.subscribers.add("late@example.org", SubscriberState.PENDING, Preferences(), NOW)
    office.store.outbox.add(confirm_delivery(late, domain=DOMAIN, now=NOW))
    assert office.deliver(NOW + timedelta(hours=49)).counts == {DeliveryState.EXPIRED: 1}


def test_a_sign_up_that_was_put_off_goes_before_digests_that_were_not(office: Office, server: Post) -> None:
    new = office.store.subscribers.add("new@example.org", SubscriberState.PENDING, Preferences(), NOW)
    office.store.outbox.add(confirm_delivery(new, domain=DOMAIN, now=NOW))
    server.to_recipient[new.email] = "451 4.3.0 later"
    office.deliver()
    server.to_recipient.clear()
    office.post("ada", "bela")
    office.deliver(NOW + 5 * MINUTE)
    assert [address for address, _ in server.taken] == [new.email, ADA, BELA]


def test_a_ledger_that_fails_ends_the_run_and_the_next_one_loses_nothing(office: Office, server: Post) -> None:
    office.post("ada", "bela")
    with office.store.database.write() as connection:
        connection.execute(
            "create trigger full before update on deliveries when new.state = 'sent' begin select json('{'); end"
        )
    outcome = office.deliver()
    assert (outcome.early, "malformed JSON" in outcome.stopped) == (True, True)
    assert office.states() == {"sending": 1, "pending": 1}
    with office.store.database.write() as connection:
        connection.execute("drop trigger full")
    assert office.deliver(NOW + MINUTE).counts == {DeliveryState.SENT: 2}
    assert [sum(seen.values()) for _, seen in sorted(server.message_ids().items())] == [2, 1]


def test_a_newer_digest_is_sent_in_place_of_one_that_waits(office: Office, server: Post) -> None:
    [older] = office.post("ada")
    server.to_recipient[ADA] = "451 4.3.0 later"
    office.deliver()
    server.to_recipient.clear()
    reader = office.store.subscribers.get(older.subscriber_id)
    newer = digest(paper(1), reader=reader, local_day=DAY + timedelta(days=1))
    office.store.digests.add(
        [
            (
                newer,
                replace(
                    office.delivery(older), key=str(newer.id), digest_id=newer.id, message_id="<newer@example.org>"
                ),
            )
        ]
    )
    assert office.deliver(NOW + timedelta(days=1)).counts == {DeliveryState.SENT: 1}
    assert server.message_ids() == {ADA: {"<newer@example.org>": 1}}
    assert office.state(older) == DeliveryState.EXPIRED


def test_a_server_that_takes_fewer_connections_still_gets_all_the_mail(office: Office, server: Post) -> None:
    office.post("ada", "bela", "cy")
    server.seconds = 0.05
    with narrow_door(office.port, most=lambda: 2) as port:
        office.port, office.connections = port, 6
        outcome = office.deliver()
    assert (dict(outcome.counts), outcome.stopped) == ({DeliveryState.SENT: 3}, "")


def test_connections_that_were_turned_away_come_back_in_the_same_run(office: Office, server: Post) -> None:
    many = 30
    office.post(*(f"reader{number}" for number in range(many)))
    server.seconds = 0.1
    # Longer than a connection tries at the beginning.
    with narrow_door(office.port, most=lambda: 1 if len(server.taken) < 6 else 3) as port:
        office.port, office.connections = port, 3
        outcome = office.deliver()
    assert (dict(outcome.counts), outcome.stopped) == ({DeliveryState.SENT: many}, "")
    assert server.at_once > 1


def test_who_unsubscribes_during_a_run_is_not_mailed(office: Office, server: Post) -> None:
    made = office.post("ada", "bela")

    def left() -> bool:
        if server.taken:
            office.store.subscribers.set_state(made[1].subscriber_id, SubscriberState.UNSUBSCRIBED, NOW)
        return False

    assert office.deliver(ending=left).counts == {DeliveryState.SENT: 1}
    assert server.addresses() == [ADA]


def test_delivering_for_one_leaves_the_others_where_they_are(office: Office, server: Post) -> None:
    made = office.post("ada", "bela")
    assert office.deliver(only=made[1].subscriber_id).counts == {DeliveryState.SENT: 1}
    assert server.addresses() == [BELA]
    assert office.state(made[0]) == DeliveryState.PENDING


def test_a_retry_is_the_same_bytes_after_the_reader_changed_preferences(office: Office, server: Post) -> None:
    [made] = office.post("ada")
    server.to_data[ADA] = "451 4.3.0 later"
    office.deliver()
    office.store.subscribers.set_preferences(
        made.subscriber_id, timezone="UTC", send_at="09:00", days="weekly", papers=3, now=NOW
    )
    server.to_data.clear()
    office.deliver(NOW + 5 * MINUTE)
    (_, first), (_, second) = server.seen
    assert first == second


def test_many_runs_leave_no_connections_to_the_database_behind(office: Office) -> None:
    for _ in range(12):
        office.deliver()
    assert len(office.store.database._all) <= 3


def test_looking_for_what_waits_does_not_sort_it_all(office: Office) -> None:
    office.post("ada")
    seen: list[str] = []
    connection = office.store.database.connection
    connection.set_trace_callback(seen.append)
    office.store.outbox.waiting(1, NOW)
    connection.set_trace_callback(None)
    selects = [one for one in seen if one.startswith("select * from deliveries")]
    assert selects
    for select in selects:
        plan = " ".join(row["detail"] for row in connection.execute(f"explain query plan {select}"))
        assert "SEARCH deliveries USING INDEX deliveries_waiting (<expr>=? AND <expr>=?" in plan
        assert "TEMP B-TREE" not in plan
