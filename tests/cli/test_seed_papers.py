"""``subscriber add --like``: papers that are liked from the start, fetched from arXiv where they are not here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime

import pytest

from tests.cli.conftest import ADA, Cli
from tests.fakes.arxiv import Arxiv, World
from tests.fakes.server import serving


def test_seed_papers_are_likes_from_the_start(stocked: Cli) -> None:
    liked = ["--like", "2505.00001", "--like", "https://arxiv.org/abs/2505.00002v1", "--like", "arxiv:2505.00001"]
    stocked("subscriber", "add", "bela@example.org", *liked)
    shown = stocked.json("subscriber", "show", "bela@example.org")
    assert shown["state"] == "pending"
    assert [(one["paper_id"], one["value"]) for one in shown["ratings"]] == [
        ("arxiv:2505.00001", 1),
        ("arxiv:2505.00002", 1),
    ]


def test_a_seed_paper_that_is_not_here_adds_nobody(stocked: Cli) -> None:
    unknown = ["--like", "2505.00001", "--like", "doi:10.1000/nowhere", "--like", "blog:post"]
    found = stocked("subscriber", "add", "bela@example.org", "--confirmed", *unknown, code=1)
    assert "doi:10.1000/nowhere, blog:post: there is no such paper here; load it first" in found.err
    assert [one["email"] for one in stocked.json("subscriber", "list")] == [ADA]


@pytest.fixture
def arxiv(cli: Cli) -> Iterator[Arxiv]:
    """A simulated arXiv that the installation asks for single papers."""
    world = World(date(2026, 6, 1), date(2026, 6, 5), papers_a_day=5, seed=5)
    world.now = datetime(2026, 6, 5, 12, tzinfo=UTC)
    with serving(Arxiv(world=world)) as made:
        cli.configure(f'[sources]\npatience = 0.1\n[sources.arxiv]\napi_url = "{made.api_url}"\npace = 0\n')
        yield made


def there(arxiv: Arxiv) -> list[str]:
    return sorted(f"arxiv:{state.id}" for state in arxiv.world.view("api").values() if not state.deleted)


def test_a_seed_paper_of_arxiv_is_fetched_once_for_all_that_name_it(cli: Cli, arxiv: Arxiv) -> None:
    first, second = there(arxiv)[:2]
    cli("subscriber", "add", ADA, "--like", first, "--like", second.removeprefix("arxiv:") + "v1")
    assert [one["paper_id"] for one in cli.json("subscriber", "show", ADA)["ratings"]] == [first, second]
    cli("rate", ADA, first, "dislike")
    assert len(arxiv.api.asked) == 1


def test_a_paper_that_arxiv_does_not_know_is_named_and_nobody_is_added(cli: Cli, arxiv: Arxiv) -> None:
    found = cli("subscriber", "add", ADA, "--like", there(arxiv)[0], "--like", "2606.99999", code=1)
    assert found.err == "digestbot: arxiv:2606.99999: arXiv knows no such paper\n"
    assert cli.json("subscriber", "list") == []


def test_when_arxiv_cannot_be_asked_nobody_is_added(cli: Cli, free_port: Callable[[], int]) -> None:
    api_url = f"http://127.0.0.1:{free_port()}/api"
    cli.configure(f'[sources]\npatience = 0.1\n[sources.arxiv]\napi_url = "{api_url}"\npace = 0\n')
    cli("subscriber", "add", ADA, "--like", "2505.18405", code=1)
    assert cli.json("subscriber", "list") == []
