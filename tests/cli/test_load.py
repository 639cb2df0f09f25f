"""``load``."""

from __future__ import annotations

import gzip
import json

import pytest

from tests.cli.conftest import Cli, entry


def test_a_file_is_loaded_and_loading_it_again_adds_nothing(cli: Cli) -> None:
    first = cli.load(entry(1), entry(2))
    assert 0 <= first[0].pop("seconds") < 60
    assert first == [
        {
            "source": "files",
            "asked": ["papers.jsonl"],
            "received": 2,
            "new": 2,
            "updated": 0,
            "skipped": [],
            "newest": "2025-05-27",
            "cursor": "",
            "error": "",
        }
    ]
    (again,) = cli.load(entry(1), entry(2))
    assert (again["new"], again["updated"]) == (0, 0)


def test_a_gzipped_file_is_read_too(cli: Cli) -> None:
    path = cli.folder / "papers.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(entry(1)).encode()))
    assert "1" in cli("load", "--file", str(path)).out
    assert cli.json("load", "--file", str(path))[0]["received"] == 1


def test_broken_lines_are_reported_with_their_place_and_the_rest_is_taken(cli: Cli) -> None:
    path = cli.folder / "papers.jsonl"
    lines = [
        json.dumps(entry(1)),
        "{not json",
        json.dumps(entry(2, title="")),
        json.dumps(entry(3) | {"id": ""}),
        json.dumps(entry(4)),
    ]
    path.write_text("\n".join(lines))
    found = cli("load", "--file", str(path), "--json")
    (value,) = json.loads(found.raw)
    assert value["new"] == 2
    assert [one["place"] for one in value["skipped"]] == [f"papers.jsonl, line {number}" for number in (2, 3, 4)]
    not_json, no_title, no_id = (one["problem"] for one in value["skipped"])
    assert not_json.startswith("not JSON: ")
    assert (no_title, no_id) == ("arxiv:2505.00002: no title", "no id")
    assert "papers.jsonl, line 2" in found.err


def test_since_leaves_out_what_was_announced_before(cli: Cli) -> None:
    path = cli.folder / "papers.jsonl"
    path.write_text("\n".join(json.dumps(entry(number)) for number in (1, 2, 3)))
    assert cli.json("load", "--file", str(path), "--since", "2025-05-27")[0]["new"] == 1


@pytest.mark.parametrize(
    ("name", "says"),
    [("none.jsonl", "No such file"), ("papers.xlsx", "use .jsonl"), ("cut.jsonl.gz", "not gzip")],
)
def test_a_file_that_cannot_be_read_exits_1_and_says_why(cli: Cli, name: str, says: str) -> None:
    if not name.startswith("none"):
        (cli.folder / name).write_bytes(b"\x1f\x8b\x08\x00cut off")
    found = cli("load", "--file", str(cli.folder / name), "--json", code=1)
    (value,) = json.loads(found.raw)
    assert says in value["error"]
    plain = cli("load", "--file", str(cli.folder / name), code=1)
    assert says in plain.err.splitlines()[-1]


def test_without_an_enabled_source_it_says_so(cli: Cli) -> None:
    cli.configure("[sources.arxiv]\nenabled = false")
    assert "no source is enabled" in cli("load", code=2).err


def test_a_source_that_refuses_exits_1_and_says_where(cli: Cli, moved_source: str) -> None:
    cli.configure(f'[sources.arxiv]\nfeed_url = "{moved_source}"')
    found = cli("load", "arxiv", "--json", code=1)
    (value,) = json.loads(found.raw)
    assert (value["source"], value["received"]) == ("arxiv", 0)
    assert "http://127.0.0.1:1/elsewhere" in value["error"]
    assert value["error"] in found.err.splitlines()[-1]
