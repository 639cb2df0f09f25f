"""Saved fits: what was saved comes back as it was, and nothing else comes back at all."""

from __future__ import annotations

import contextlib
import io
import json
import pickle
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digestbot import __version__
from digestbot.models import Paper
from digestbot.ranking.features import Recipe
from digestbot.ranking.fit import Fit
from digestbot.ranking.saved import SavedFitError, pack, pack_rows, sealed, unpack
from tests.factories import NOW
from tests.ranking.library import ROBOTS, library, likes, on, paper_lists, ranker

LIBRARY = library()
FIT = Fit.of(LIBRARY, Recipe(dimensions=4), NOW).extended([on(ROBOTS, 901)])
FILES = pack(FIT)
KINDS = ["fit", "features", "rows"]
TERMS = len(FIT.features.terms)


def name_of(kind: str, files: dict[str, bytes] = FILES) -> str:
    [name] = [name for name in files if name.startswith((f"{kind}.", f"{kind}-"))]
    return name


def facts() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILES[name_of("fit")])
    return found


def with_facts(changed: Any) -> dict[str, bytes]:
    """Return the files with other facts, under the name that belongs to them."""
    return forged("fit", json.dumps(changed).encode())


def forged(kind: str, content: bytes) -> dict[str, bytes]:
    """Return the files with one that is not what it was, under a name as a forger would give it."""
    files = dict(FILES)
    old = name_of(kind)
    del files[old]
    stem, _, ending = old.split(".")
    name = sealed(f"{stem}.{ending}", content)
    if kind != "fit":
        del files[name_of("fit")]
        named = json.dumps(facts() | {kind: name}).encode()
        files[sealed("fit.json", named)] = named
    return files | {name: content}


def arrays(kind: str) -> dict[str, Any]:
    with np.load(io.BytesIO(FILES[name_of(kind)]), allow_pickle=False) as found:
        return dict(found)


def npz(**changed: Any) -> bytes:
    target = io.BytesIO()
    np.savez(target, allow_pickle=True, **changed)
    return target.getvalue()


def same(one: Fit, other: Fit) -> bool:
    """Whether two fits are the same to the last bit."""
    pairs = [
        (one.rows.terms.data, other.rows.terms.data),
        (one.rows.terms.indices, other.rows.terms.indices),
        (one.rows.terms.indptr, other.rows.terms.indptr),
        (one.rows.place, other.rows.place),
        (one.features.weights, other.features.weights),
        (one.features.background.directions, other.features.background.directions),
        (one.features.background.discount, other.features.background.discount),
    ]
    return (
        all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in pairs)
        and one.features.terms.tolist() == other.features.terms.tolist()
        and one.features.usual_length == other.features.usual_length
        and one.features.recipe == other.features.recipe
        and (one.fitted_at, one.corpus, one.fingerprint) == (other.fitted_at, other.corpus, other.fingerprint)
        and one.papers == other.papers
    )


# what comes back


@given(paper_lists(), paper_lists(most=4))
def test_a_fit_comes_back_as_it_was(corpus: list[Paper], later: list[Paper]) -> None:
    fit = Fit.of(corpus, Recipe(dimensions=3), NOW).extended(later)
    assert same(unpack(pack(fit)), fit)


def test_a_fit_that_comes_back_ranks_as_before() -> None:
    papers = [on(ROBOTS, 900 + number) for number in range(8)]
    readers = [likes(LIBRARY[0], LIBRARY[14]), likes(LIBRARY[30])]
    saved = unpack(FILES)
    before, after = (list(ranker(papers, features=fit.features).rank(readers)) for fit in (FIT, saved))
    assert after == before
    assert all(ranked.chosen for ranked in after)


def test_rows_that_were_added_come_back_after_those_of_the_fit() -> None:
    later = [on(ROBOTS, 902), on(ROBOTS, 903)]
    files = dict(FILES)
    longer = FIT
    for number, one in enumerate(later, 1):
        longer = longer.extended([one])
        name, content = pack_rows(longer.papers[-1:], longer.rows.take([len(longer.rows) - 1]), number)
        files[name] = content
    assert same(unpack(files), longer)
    assert same(unpack(dict(reversed(files.items()))), longer)


def test_terms_of_any_script_come_back() -> None:
    strange = on(ROBOTS, 904, title="Übersetzung 翻訳 перевод", abstract="Übersetzung 翻訳 перевод")
    fit = Fit.of([*LIBRARY, strange], Recipe(dimensions=4), NOW)
    assert unpack(pack(fit)).features.terms.tolist() == fit.features.terms.tolist()


# what does not


@given(st.sampled_from(KINDS), st.data())
def test_a_file_with_another_byte_anywhere_is_refused(kind: str, data: st.DataObject) -> None:
    name = name_of(kind)
    content = bytearray(FILES[name])
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SavedFitError):
        unpack(FILES | {name: bytes(content)})


@given(st.sampled_from(KINDS), st.data())
def test_a_file_that_ends_early_or_late_is_refused(kind: str, data: st.DataObject) -> None:
    name = name_of(kind)
    content = FILES[name]
    early = content[: data.draw(st.integers(0, len(content) - 1))]
    late = content + data.draw(st.binary(min_size=1, max_size=9))
    for changed in (early, late):
        with pytest.raises(SavedFitError):
            unpack(FILES | {name: changed})


@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_of_which_a_file_is_missing_is_refused(kind: str) -> None:
    with pytest.raises(SavedFitError):
        unpack({name: content for name, content in FILES.items() if name != name_of(kind)})


def test_no_files_are_no_fit() -> None:
    with pytest.raises(SavedFitError):
        unpack({})


@pytest.mark.parametrize(
    "name", ["notes.json", "rows-000001.npz", "fit.json", "a.b.c.d.npz", "npz", "rows-000001.0.npz"]
)
def test_a_file_whose_name_does_not_say_what_is_in_it_is_refused(name: str) -> None:
    with pytest.raises(SavedFitError):
        unpack(FILES | {name: b"{}"})


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_another_fit_is_refused(kind: str) -> None:
    others = pack(Fit.of(LIBRARY[1:], Recipe(dimensions=4), NOW))
    mixed = {name: content for name, content in FILES.items() if name != name_of(kind)}
    with pytest.raises(SavedFitError):
        unpack(mixed | {name_of(kind, others): others[name_of(kind, others)]})


def test_a_fit_of_another_version_is_refused_and_both_versions_are_said() -> None:
    with pytest.raises(SavedFitError, match=rf"of version 0\.0\.9, this is {__version__}"):
        unpack(with_facts(facts() | {"version": "0.0.9"}))


@given(st.sampled_from(KINDS), st.binary(max_size=200))
def test_any_bytes_as_any_file_are_refused(kind: str, content: bytes) -> None:
    with pytest.raises(SavedFitError):
        unpack(forged(kind, content))


@given(st.sampled_from(KINDS), st.data())
def test_damage_that_a_forger_has_sealed_gives_a_fit_or_is_refused(kind: str, data: st.DataObject) -> None:
    content = bytearray(FILES[name_of(kind)])
    # Half of the changes go where the headers are.
    places = st.integers(0, 300) | st.integers(0, len(content) - 1)
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=4)):
        content[place % len(content)] = value
    with contextlib.suppress(SavedFitError):
        unpack(forged(kind, bytes(content)))


def test_json_that_is_too_deep_is_refused() -> None:
    with pytest.raises(SavedFitError):
        unpack(forged("fit", b"[" * 200_000))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(json_values)
def test_facts_of_any_shape_are_refused(value: Any) -> None:
    with pytest.raises(SavedFitError):
        unpack(with_facts(value))


@given(st.sampled_from(sorted(facts())), json_values)
def test_any_fact_of_any_shape_gives_a_fit_that_can_be_used_or_is_refused(name: str, value: Any) -> None:
    try:
        fit = unpack(with_facts(facts() | {name: value}))
    except SavedFitError:
        return
    assert (NOW - fit.fitted_at).total_seconds() is not None
    assert len(fit.rows_of([on(ROBOTS, 999)])) == 1


@pytest.mark.parametrize("name", sorted(facts()))
def test_a_fit_that_lacks_a_fact_is_refused(name: str) -> None:
    with pytest.raises(SavedFitError):
        unpack(with_facts({key: value for key, value in facts().items() if key != name}))


@pytest.mark.parametrize(
    "changed",
    [
        {"terms": "a" * TERMS},
        {"terms": []},
        {"terms": ["twice"] * TERMS},
        {"terms": list(range(TERMS))},
        {"terms": facts()["terms"][1:]},
        {"usual_length": float("nan")},
        {"usual_length": float("inf")},
        {"usual_length": 0.0},
        {"usual_length": "1.0"},
        {"recipe": {}},
        {"recipe": None},
        {"recipe": facts()["recipe"] | {"of another version": 1}},
        {"fitted_at": datetime(2025, 5, 27, 8).isoformat()},  # without a zone
        {"fitted_at": 1748332800},
        {"corpus": 0},
        {"corpus": len(FIT.rows) + 1},
        {"corpus": float("inf")},
        {"corpus": "36"},
        {"fingerprint": 7},
        {"features": name_of("rows")},
        {"rows": name_of("features")},
    ],
    ids=str,
)
def test_facts_that_cannot_be_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(SavedFitError):
        unpack(with_facts(facts() | changed))


def spoiled(array: Any, value: Any) -> Any:
    changed = array.copy()
    changed.flat[0] = value
    return changed


@pytest.mark.parametrize("name", ["weights", "directions", "discount", "data", "indices", "indptr", "papers"])
@pytest.mark.parametrize(
    "change",
    [
        lambda array: array.astype(np.float64),
        lambda array: array.astype(">f4"),
        lambda array: array.astype(object),
        lambda array: array.astype(str),
        lambda array: array[:-1],
        lambda array: array[:0],
        lambda array: array[None],
        lambda array: array.ravel()[0],
        lambda array: np.concatenate([array, array]),
    ],
    ids=["doubles", "swapped", "objects", "texts", "shorter", "empty", "deeper", "one number", "twice"],
)
def test_arrays_of_another_shape_or_kind_are_refused(name: str, change: Any) -> None:
    kind = "features" if name in arrays("features") else "rows"
    found = arrays(kind)
    with pytest.raises(SavedFitError):
        unpack(forged(kind, npz(**found | {name: change(found[name])})))


@pytest.mark.parametrize("name", ["weights", "directions", "discount", "data"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused(name: str, value: float) -> None:
    kind = "features" if name in arrays("features") else "rows"
    found = arrays(kind)
    with pytest.raises(SavedFitError, match="finite"):
        unpack(forged(kind, npz(**found | {name: spoiled(found[name], value)})))


@pytest.mark.parametrize("value", [-0.5, 1.5])
def test_a_discount_beyond_all_or_nothing_is_refused(value: float) -> None:
    found = arrays("features")
    with pytest.raises(SavedFitError, match="discount"):
        unpack(forged("features", npz(**found | {"discount": spoiled(found["discount"], value)})))


@pytest.mark.parametrize("name", ["weights", "directions", "discount", "data", "indices", "indptr", "papers"])
def test_a_fit_that_lacks_an_array_is_refused(name: str) -> None:
    kind = "features" if name in arrays("features") else "rows"
    found = arrays(kind)
    del found[name]
    with pytest.raises(SavedFitError):
        unpack(forged(kind, npz(**found)))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("indices", lambda array: spoiled(array, TERMS)),
        ("indices", lambda array: spoiled(array, -1)),
        ("indices", lambda array: spoiled(array, array[1])),
        ("indices", lambda array: np.concatenate([array[1::-1], array[2:]])),
        ("indptr", lambda array: spoiled(array, 1)),
        ("indptr", lambda array: np.concatenate([array[:1], array[2:0:-1], array[3:]])),
        ("indptr", lambda array: np.append(array[:-1], array[-1] + 1)),
        ("indptr", lambda array: np.append(array[:-1], 2**40)),
    ],
    ids=["beyond", "negative", "twice", "unsorted", "late start", "backwards", "too far", "far too far"],
)
def test_rows_that_point_nowhere_are_refused(name: str, change: Any) -> None:
    found = arrays("rows")
    with pytest.raises(SavedFitError):
        unpack(forged("rows", npz(**found | {name: change(found[name])})))


@pytest.mark.parametrize(
    "papers",
    [
        {},
        [],
        "no list",
        [["arxiv:1"]] * len(FIT.papers),
        [[1, 1]] * len(FIT.papers),
        [["a", "1"]] * len(FIT.papers),
        None,
    ],
    ids=str,
)
def test_papers_of_any_other_shape_are_refused(papers: Any) -> None:
    listed = np.frombuffer(json.dumps(papers).encode(), dtype=np.uint8)
    with pytest.raises(SavedFitError):
        unpack(forged("rows", npz(**arrays("rows") | {"papers": listed})))


class Bomb:
    """What runs when somebody unpickles it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("kind", ["features", "rows"])
def test_no_pickle_is_ever_loaded(kind: str, tmp_path: Path) -> None:
    mark = tmp_path / "was here"
    bomb = np.array([Bomb(mark)], dtype=object)
    for content in (npz(**dict.fromkeys(arrays(kind), bomb)), pickle.dumps(Bomb(mark))):
        with pytest.raises(SavedFitError):
            unpack(forged(kind, content))
    assert not mark.exists()
    pickle.loads(pickle.dumps(Bomb(mark)))
    assert mark.exists(), "the bomb would not have been seen"


def test_nothing_that_is_saved_needs_pickle() -> None:
    for kind in ("features", "rows"):
        assert not any(array.dtype.hasobject for array in arrays(kind).values())
