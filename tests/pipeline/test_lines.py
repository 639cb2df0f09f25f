"""Lines that break, and servers that turn connections away: the others go on, and when none works the run ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from digestbot.models import DeliveryState
from tests.factories import NOW
from tests.pipeline.peers import DOMAIN, Office, Post

MANY = 30
NAMES = tuple(f"reader{number}" for number in range(MANY))


def test_a_server_that_breaks_off_after_each_mail_gets_few_of_them(office: Office, server: Post) -> None:
    office.post(*NAMES)
    server.hang_up_after_data.update(f"{name}@{DOMAIN}" for name in NAMES)
    office.connections = 2
    outcome = office.deliver()
    assert outcome.early
    assert "the line broke after the data" in outcome.stopped
    # Three times in a row on each connection.
    assert len(server.seen) <= 3 * office.connections
    assert outcome.counts == {DeliveryState.DEFERRED: len(server.seen)}
    server.hang_up_after_data.clear()
    assert office.deliver(NOW + timedelta(minutes=10)).counts == {DeliveryState.SENT: MANY}


def test_a_server_that_breaks_off_before_each_mail_is_not_asked_again_and_again(office: Office, server: Post) -> None:
    office.post(*NAMES)
    server.hang_up_at_mail, office.connections = True, 2
    outcome = office.deliver()
    assert (outcome.early, "the line broke before the data" in outcome.stopped) == (True, True)
    assert outcome.counts[DeliveryState.DEFERRED] <= 3 * office.connections


def test_one_line_that_breaks_is_followed_by_another(office: Office, server: Post) -> None:
    office.post(*NAMES)
    server.hang_up_after_data.update(f"{name}@{DOMAIN}" for name in NAMES[::7])
    outcome = office.deliver()
    broken = len(NAMES[::7])
    assert (outcome.stopped, outcome.counts) == (
        "",
        {DeliveryState.SENT: MANY - broken, DeliveryState.DEFERRED: broken},
    )


def test_connections_that_are_turned_away_at_their_first_mail_leave_the_work_to_the_others(
    office: Office, server: Post
) -> None:
    office.post(*NAMES)
    server.seconds = 0.02
    server.most_connections, office.connections = 2, 4
    outcome = office.deliver()
    assert (outcome.stopped, outcome.counts) == ("", {DeliveryState.SENT: MANY})
    assert not office.store.database.rows("select 1 from rates where slow is not null")


@pytest.mark.parametrize("code", ["421 4.3.2 busy", "421 4.7.0 slow down"])
def test_a_server_that_asks_every_connection_for_patience_is_left_alone(
    office: Office, server: Post, code: str
) -> None:
    office.post(*NAMES)
    server.to_data.update({f"{name}@{DOMAIN}": code for name in NAMES})
    outcome = office.deliver()
    assert (outcome.early, code in outcome.stopped) == (True, True)
    assert len(server.seen) == 6
