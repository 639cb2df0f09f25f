"""``rank`` and ``evaluate``: files in, a TREC run and figures out."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli, Result, entry


def write_papers(path: Path, papers: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in papers), encoding="utf-8")
    return path


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """The arguments that rank eight candidates for two readers."""
    papers = [entry(number) for number in range(1, 9)]
    corpus = write_papers(tmp_path / "corpus.jsonl", papers[:4])
    candidates = write_papers(tmp_path / "candidates.jsonl", papers)
    ratings = tmp_path / "ratings.csv"
    ratings.write_text("subscriber,paper_id,value\nada,arxiv:2505.00001,1\nbela,arxiv:2505.00002,-1\n")
    return ["--corpus", str(corpus), "--ratings", str(ratings), "--candidates", str(candidates)]


def lines_of(path: Path) -> list[bytes]:
    return gzip.decompress(path.read_bytes()).splitlines(keepends=True)


def lines(found: Result) -> list[list[str]]:
    return [line.split() for line in found.out.splitlines()]


def test_rank_writes_a_trec_run_of_all_that_a_reader_has_not_rated(cli: Cli, files: list[str]) -> None:
    run = lines(cli.bare("rank", *files))
    assert {(len(line), line[1], line[5]) for line in run} == {(6, "Q0", "digestbot")}
    everything = {entry(number)["id"] for number in range(1, 9)}
    for reader, rated in [("ada", "arxiv:2505.00001"), ("bela", "arxiv:2505.00002")]:
        own = [line for line in run if line[0] == reader]
        assert {line[2] for line in own} == everything - {rated}
        assert [int(line[3]) for line in own] == list(range(1, 8))
        scores = [float(line[4]) for line in own]
        assert scores == sorted(scores, reverse=True)


def test_rank_needs_neither_settings_nor_database(cli: Cli, files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(cli.folder)
    (cli.folder / "settings.toml").write_text("this is not TOML")
    before = sorted(cli.folder.iterdir())
    assert cli.bare("rank", *files).code == 0
    assert sorted(cli.folder.iterdir()) == before


def test_depth_and_out(cli: Cli, files: list[str]) -> None:
    everything = lines(cli.bare("rank", *files))
    out = cli.folder / "run.txt"
    found = cli.bare("rank", *files, "--depth", "2", "--out", str(out))
    assert (found.code, found.out) == (0, "")
    best = [line.split() for line in out.read_text().splitlines()]
    assert best == [line for line in everything if int(line[3]) <= 2]


def test_the_order_of_the_candidates_in_their_file_changes_nothing(cli: Cli, files: list[str]) -> None:
    path = Path(files[-1])
    first = cli.bare("rank", *files).raw
    path.write_text("\n".join(reversed(path.read_text().splitlines())))
    assert cli.bare("rank", *files).raw == first


def test_the_announced_day_does_not_count_where_it_is_unknown(cli: Cli, files: list[str]) -> None:
    same = [entry(number, title="Same words", abstract="") for number in (3, 2, 1)]
    for one in same:
        del one["announced"]
    write_papers(Path(files[-1]), same)
    bela = [line[2] for line in lines(cli.bare("rank", *files)) if line[0] == "bela"]
    assert bela == ["arxiv:2505.00001", "arxiv:2505.00003"]


def test_a_later_rating_of_the_same_paper_wins_and_unknown_papers_are_left_out(cli: Cli, files: list[str]) -> None:
    ratings = Path(files[3])
    ratings.write_text("subscriber,paper_id,value\nada,arxiv:2505.00001,1\n")
    liked = cli.bare("rank", *files).raw
    ratings.write_text(
        "paper_id,value,rated_at,subscriber\n"
        "arxiv:2505.00001,-1,2025-05-01,ada\narxiv:2505.00001,1,2025-05-02,ada\nx:unknown,1,2025-05-02,ada\n"
    )
    found = cli.bare("rank", *files)
    assert found.raw == liked
    assert "1 rated papers are in no file and left out: x:unknown" in found.err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"subscriber,paper\na,b\n", "the first line lacks paper_id, value"),
        (b"", "the first line lacks"),
        (b"\n\nsubscriber,paper_id,value\n", "the first line lacks"),
        (b"\xff\xfe\x00", "it must be text in UTF-8"),
        (b"subscriber,paper_id,value\nada,arxiv:2505.00001,5\n" + b"\n" * 9000 + b"\xff", "it must be text in UTF-8"),
    ],
)
def test_a_ratings_file_that_cannot_be_used_exits_2_and_says_why(
    cli: Cli, files: list[str], text: bytes, says: str
) -> None:
    Path(files[3]).write_bytes(text)
    found = cli.bare("rank", *files)
    assert (found.code, found.out) == (2, "")
    assert says in found.err
    assert len(found.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("ada,arxiv:2505.00002,5", "needs a subscriber, a paper_id and 1 or -1"),
        ("ada,arxiv:2505.00002,", "needs"),
        ("ada,arxiv:2505.00002", "needs"),
        ("ada,,1", "needs"),
        (",arxiv:2505.00002,1", "needs"),
        ("a da,arxiv:2505.00002,1", "needs"),
        ("a\tda,arxiv:2505.00002,1", "needs"),
        ('ada,"arxiv:2505.00002,1', "needs"),
        ("\0", "needs"),
        (f"ada,{'x' * 200_000},1", "not CSV (field larger than field limit (131072))"),
        ("ada,arxiv:2505.00002,1,yesterday", "rated_at 'yesterday' is not a time such as 2025-05-01"),
    ],
)
def test_a_line_that_is_no_rating_is_named_and_the_rest_is_ranked(
    cli: Cli, files: list[str], line: str, says: str
) -> None:
    ratings = Path(files[3])
    header, *good = ratings.read_text().splitlines()
    good = [one + ",2025-05-01" for one in good]
    ratings.write_text("\n".join([header + ",rated_at", *good]))
    expected = cli.bare("rank", *files)
    ratings.write_text("\n".join([header + ",rated_at", good[0], "", line, good[1]]))
    found = cli.bare("rank", *files)
    assert (found.code, found.raw) == (0, expected.raw)
    assert found.err.startswith(f"digestbot: {ratings}, line 4: {says}")
    assert len(found.err.splitlines()) == 1


def test_of_many_lines_that_are_no_ratings_the_first_are_named(cli: Cli, files: list[str]) -> None:
    ratings = Path(files[3])
    expected = cli.bare("rank", *files).raw
    ratings.write_text(ratings.read_text() + "ada,arxiv:2505.00003,like\n" * 40)
    found = cli.bare("rank", *files)
    assert (found.code, found.raw) == (0, expected)
    said = found.err.splitlines()
    assert [f"line {number}:" in line for number, line in enumerate(said[:5], 4)] == [True] * 5
    assert said[5:] == [f"digestbot: {ratings}: 35 more lines are left out"]


def test_papers_that_cannot_be_used(cli: Cli, files: list[str]) -> None:
    path = Path(files[-1])
    path.write_text(path.read_text() + "{broken\n")
    found = cli.bare("rank", *files)
    assert found.code == 0
    assert "candidates.jsonl, line 9: not JSON" in found.err
    Path(files[1]).write_text(json.dumps(entry(1, title="2025", abstract="")))
    found = cli.bare("rank", *files)
    assert (found.code, found.out) == (1, "")
    assert "no paper in it has a word" in found.err


@pytest.mark.parametrize("change", [["--candidates", "none.jsonl"], ["--depth", "0"], ["--out", "no/such/run"]])
def test_wrong_arguments_exit_2(cli: Cli, files: list[str], change: list[str]) -> None:
    found = cli.bare("rank", *files, *change)
    assert found.code == 2
    assert found.err.startswith("digestbot: ")


@pytest.fixture
def judged(tmp_path: Path) -> list[str]:
    run, qrels = tmp_path / "run", tmp_path / "qrels"
    # The score decides, and where it is equal the rank: c, then a, then b.
    run.write_text("ada Q0 b 3 0.5 x\nada Q0 a 2 0.5 x\nada Q0 c 9 0.75 x\n")
    qrels.write_text("ada 0 a 1\nada 0 b 0\nbela 0 z 1\n\n")
    return ["--run", str(run), "--qrels", str(qrels)]


def test_evaluate_judges_by_score_then_rank(cli: Cli, judged: list[str]) -> None:
    found = cli.bare("evaluate", *judged, "--json")
    assert json.loads(found.raw) == {
        "readers": 2,
        "nDCG@10": 0.315465,
        "recall@50": 0.5,
        "MRR": 0.25,
        "AUC": 0.25,
    }
    table = cli.bare("evaluate", *judged).out
    assert "0.3155" in table
    assert "nDCG@10" in table


@pytest.mark.parametrize(
    ("which", "text", "says"),
    [
        (1, b"ada Q0 a 1 0.5\n", "line 1: needs 6 fields, has 5"),
        (1, b"ada Q0 a 1 0.5 x\nada Q0 a one 0.5 x\n", "line 2: rank and score must be numbers"),
        (1, b"ada Q0 a 1 nan x\n", "line 1: the score is not a number"),
        (1, b"\xff\n", "it must be text in UTF-8"),
        (3, b"ada 0 a\n", "line 1: needs 4 fields, has 3"),
        (3, b"ada 0 a yes\n", "line 1: the grade must be a whole number"),
    ],
)
def test_runs_and_qrels_that_cannot_be_used_exit_2_with_their_place(
    cli: Cli, judged: list[str], which: int, text: bytes, says: str
) -> None:
    Path(judged[which]).write_bytes(text)
    found = cli.bare("evaluate", *judged, "--json")
    assert (found.code, found.out) == (2, "")
    assert says in found.err


def test_whoever_stops_reading_early_sees_no_traceback(files: list[str], tmp_path: Path) -> None:
    # More lines than a pipe holds.
    many = "".join(f"reader-{number},arxiv:2505.00001,1\n" for number in range(4000))
    (tmp_path / "ratings.csv").write_text("subscriber,paper_id,value\n" + many)
    with subprocess.Popen(
        [sys.executable, "-m", "digestbot", "rank", *files], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"reader-")
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1


def test_real_readers_get_what_they_went_on_to_read(cli: Cli, shared_data: Path) -> None:
    """Fitted on March and April 2025, judged by what 41 people put on their lists in May.

    The background is what they liked and a fifth of the rest, which is quicker and hardly worse.
    """
    stream, lists = shared_data / "arxiv_stream", shared_data / "reading_lists"
    liked = {line.split(",")[1] for line in (lists / "ratings.csv").read_text().splitlines()}
    corpus = cli.folder / "corpus.jsonl"
    with corpus.open("wb") as file:
        for month in ("2025-03", "2025-04"):
            for number, line in enumerate(lines_of(stream / f"{month}.jsonl.gz")):
                if number % 5 == 0 or json.loads(line)["id"] in liked:
                    file.write(line)
    run = cli.folder / "run"
    ranked = cli.bare(
        "rank",
        *("--corpus", str(corpus), "--ratings", str(lists / "ratings.csv")),
        *("--candidates", str(stream / "2025-05.jsonl.gz"), "--depth", "100", "--out", str(run)),
    )
    assert (ranked.code, ranked.err) == (0, "")
    judged = cli.bare("evaluate", "--run", str(run), "--qrels", str(lists / "qrels.txt"), "--json")
    quality = json.loads(judged.raw)
    assert quality["readers"] == 41
    assert quality["nDCG@10"] >= 0.40


def test_all_real_papers_load(cli: Cli, shared_data: Path) -> None:
    papers = cli.folder / "papers.jsonl.gz"
    months = sorted((shared_data / "arxiv_stream").glob("*.jsonl.gz"))
    papers.write_bytes(b"".join(month.read_bytes() for month in months))
    (loaded,) = cli.json("load", "--file", str(papers))
    assert (loaded["received"], loaded["new"], loaded["skipped"]) == (12_242, 12_242, [])
