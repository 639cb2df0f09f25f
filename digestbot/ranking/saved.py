"""A fit as bytes and back, without pickle: arrays as npz, everything else as JSON.

Every file has a hash of its content in its name, so that a damaged one is never used.
"""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import math
import tokenize
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from scipy.sparse import csr_matrix

from digestbot import __version__
from digestbot.errors import DigestbotError
from digestbot.models import PaperId
from digestbot.ranking.features import Features, Recipe
from digestbot.ranking.fit import Fit
from digestbot.ranking.rows import Background, Rows, located, stacked

FACTS, FEATURES, ROWS = "fit", "features", "rows"
# What the readers of JSON, zip and npz raise for bytes that nobody wrote with them.
_DAMAGE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    lzma.LZMAError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


class SavedFitError(DigestbotError):
    """What was saved cannot be used: it is damaged, or of another version."""


def pack(fit: Fit) -> dict[str, bytes]:
    """Return the files of a fit, by name."""
    features = fit.features
    arrays = _npz(
        {
            "weights": features.weights,
            "directions": features.background.directions,
            "discount": features.background.discount,
        }
    )
    rows_name, rows = pack_rows(fit.papers, fit.rows, 0)
    facts = {
        "version": __version__,
        "recipe": asdict(features.recipe),
        "fitted_at": fit.fitted_at.isoformat(),
        "corpus": fit.corpus,
        "fingerprint": fit.fingerprint,
        "usual_length": features.usual_length,
        "word_order": features.word_order,
        "terms": features.terms.tolist(),
        FEATURES: sealed(f"{FEATURES}.npz", arrays),
        ROWS: rows_name,
    }
    content = json.dumps(facts, ensure_ascii=False).encode()
    return {sealed(f"{FACTS}.json", content): content, facts[FEATURES]: arrays, rows_name: rows}


def pack_rows(papers: Sequence[tuple[PaperId, int]], rows: Rows, number: int) -> tuple[str, bytes]:
    """Return name and bytes of some papers' rows; their place among the directions follows from them.

    Rows of a higher number replace those that the same papers have in a lower one.
    """
    content = _npz(
        {
            "papers": np.frombuffer(json.dumps(papers).encode(), dtype=np.uint8),
            "data": rows.terms.data,
            "indices": rows.terms.indices.astype(np.int32),
            "indptr": rows.terms.indptr.astype(np.int64),
        }
    )
    return sealed(f"{ROWS}-{number:06d}.npz", content), content


def sealed(name: str, content: bytes) -> str:
    """Return ``name`` with a hash of the content before its ending."""
    stem, ending = name.split(".")
    return f"{stem}.{hashlib.sha256(content).hexdigest()[:32]}.{ending}"


def unpack(files: Mapping[str, bytes]) -> Fit:
    """Return the fit of these files; raise ``SavedFitError`` for files that are damaged or of another version."""
    try:
        for name, content in files.items():
            stem, _, ending = name.split(".")
            _expect(name == sealed(f"{stem}.{ending}", content), f"{name} was changed")
        return _unpack(files)
    except _DAMAGE as error:
        raise SavedFitError(f"it is damaged ({type(error).__name__}: {error})") from error


def _unpack(files: Mapping[str, bytes]) -> Fit:
    [facts] = [json.loads(content) for name, content in files.items() if name.startswith(f"{FACTS}.")]
    if facts["version"] != __version__:
        raise SavedFitError(f"it is of version {facts['version']}, this is {__version__}")
    features = _features(facts, files[facts[FEATURES]])
    later = sorted(name for name in files if name.startswith(f"{ROWS}-") and name != facts[ROWS])
    papers: list[tuple[PaperId, int]] = []
    parts = []
    for name in [facts[ROWS], *later]:
        some, terms = _rows(files[name], len(features.terms))
        papers += some
        parts.append(located(terms, features.background))
    fitted_at, corpus, fingerprint = datetime.fromisoformat(facts["fitted_at"]), facts["corpus"], facts["fingerprint"]
    _expect(fitted_at.tzinfo is not None, "the time of the fit names no zone")
    _expect(isinstance(corpus, int) and len(parts[0]) >= corpus > 0, "there are fewer rows than papers in the corpus")
    _expect(isinstance(fingerprint, str), "the fingerprint is no text")
    return Fit(features, fitted_at, corpus, fingerprint, tuple(papers), stacked(parts))


def _features(facts: Mapping[str, Any], content: bytes) -> Features:
    terms, recipe, usual_length = facts["terms"], Recipe(**facts["recipe"]), facts["usual_length"]
    _expect(isinstance(terms, list) and all(isinstance(term, str) for term in terms), "the terms are no texts")
    _expect(0 < len(terms) == len(set(terms)), "there are no terms, or some of them twice")
    _expect(json.loads(json.dumps(asdict(recipe))) == facts["recipe"], "the recipe is not whole")
    _expect(isinstance(usual_length, float) and 0 < usual_length < math.inf, "the usual length is no length")
    word_order = facts["word_order"]
    _expect(isinstance(word_order, bool), "it does not say whether words have an order")
    arrays = _arrays(content)
    discount = _array(arrays, "discount", np.float32)
    _expect(bool(((discount >= 0) & (discount <= 1)).all()), "a discount is not between 0 and 1")
    directions = _array(arrays, "directions", np.float32, len(terms), len(discount))
    weights = _array(arrays, "weights", np.float32, len(terms))
    return Features(terms, weights, usual_length, Background(directions, discount), recipe, word_order=word_order)


def _rows(content: bytes, terms: int) -> tuple[list[tuple[PaperId, int]], csr_matrix]:
    arrays = _arrays(content)
    listed = json.loads(_array(arrays, "papers", np.uint8).tobytes())
    papers = [(paper, revision) for paper, revision in listed]
    _expect(all(isinstance(one, str) and isinstance(many, int) for one, many in papers), "papers are not as listed")
    parts = [_array(arrays, "data", np.float32), _array(arrays, "indices", np.int32)]
    matrix = csr_matrix((*parts, _array(arrays, "indptr", np.int64)), shape=(len(papers), terms))
    matrix.check_format(full_check=True)
    _expect(bool(matrix.has_canonical_format), "terms of a row are not in order")
    return papers, matrix


def _array(arrays: Mapping[str, Any], name: str, kind: DTypeLike, *shape: int) -> Any:
    array = arrays[name]
    _expect(array.dtype == kind, f"{name} are {array.dtype}")
    # Without a shape it is a list of any length.
    _expect(array.shape == shape if shape else array.ndim == 1, f"{name} are {array.shape}")
    _expect(bool(np.isfinite(array).all()), f"{name} are not finite")
    return array


def _expect(good: bool, problem: str) -> None:
    if not good:
        raise ValueError(problem)


def _npz(arrays: Mapping[str, Any]) -> bytes:
    target = io.BytesIO()
    np.savez(target, allow_pickle=False, **arrays)
    return target.getvalue()


def _arrays(content: bytes) -> dict[str, Any]:
    with np.load(io.BytesIO(content), allow_pickle=False) as found:
        return dict(found)
