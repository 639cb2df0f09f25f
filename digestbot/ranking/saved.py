"""A fit as bytes and back, without pickle: arrays as npz, everything else as JSON."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from digestbot import __version__
from digestbot.errors import DigestbotError
from digestbot.models import PaperId
from digestbot.ranking.features import Features, Recipe
from digestbot.ranking.fit import Fit
from digestbot.ranking.rows import Background, Rows, located, stacked

FACTS, FEATURES, ROWS = "fit.json", "features.npz", "rows-"


class SavedFitError(DigestbotError):
    """What was saved cannot be used: it is damaged, or of another version."""


def pack(fit: Fit) -> dict[str, bytes]:
    """Return the files of a fit, by name."""
    features = fit.features
    facts = {
        "version": __version__,
        "recipe": asdict(features.recipe),
        "fitted_at": fit.fitted_at.isoformat(),
        "corpus": fit.corpus,
        "fingerprint": fit.fingerprint,
        "usual_length": features.usual_length,
        "terms": features.terms.tolist(),
    }
    arrays = {
        "weights": features.weights,
        "directions": features.background.directions,
        "discount": features.background.discount,
    }
    return {
        FACTS: json.dumps(facts, ensure_ascii=False).encode(),
        FEATURES: _npz(arrays),
        f"{ROWS}0000.npz": pack_rows(fit.papers, fit.rows),
    }


def pack_rows(papers: Sequence[tuple[PaperId, int]], rows: Rows) -> bytes:
    """Return the bytes of some papers' rows; their place among the directions follows from them."""
    return _npz(
        {
            "papers": np.frombuffer(json.dumps(papers).encode(), dtype=np.uint8),
            "data": rows.terms.data,
            "indices": rows.terms.indices.astype(np.int32),
            "indptr": rows.terms.indptr.astype(np.int64),
        }
    )


def unpack(files: Mapping[str, bytes]) -> Fit:
    """Return the fit of these files; raise ``SavedFitError`` for files that are damaged or of another version."""
    try:
        facts = json.loads(files[FACTS])
        if facts["version"] != __version__:
            raise SavedFitError(f"it is of version {facts['version']}, this is {__version__}")
        arrays = _arrays(files[FEATURES])
        features = Features(
            facts["terms"],
            _shaped(arrays["weights"], len(facts["terms"])),
            float(facts["usual_length"]),
            Background(_shaped(arrays["directions"], len(facts["terms"]), len(arrays["discount"])), arrays["discount"]),
            Recipe(**facts["recipe"]),
        )
        papers: list[tuple[PaperId, int]] = []
        parts = []
        for name in sorted(name for name in files if name.startswith(ROWS)):
            some, terms = _rows(files[name], len(facts["terms"]))
            papers += some
            parts.append(located(terms, features.background))
        return Fit(
            features,
            datetime.fromisoformat(facts["fitted_at"]),
            int(facts["corpus"]),
            str(facts["fingerprint"]),
            tuple(papers),
            stacked(parts),
        )
    except (KeyError, TypeError, ValueError, IndexError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise SavedFitError(f"it is damaged ({type(error).__name__}: {error})") from error


def _rows(content: bytes, terms: int) -> tuple[list[tuple[PaperId, int]], csr_matrix]:
    arrays = _arrays(content)
    papers = [(str(paper), int(revision)) for paper, revision in json.loads(arrays["papers"].tobytes())]
    matrix = csr_matrix((arrays["data"], arrays["indices"], arrays["indptr"]), shape=(len(papers), terms))
    matrix.check_format(full_check=True)
    return papers, matrix


def _shaped(array: Any, *shape: int) -> Any:
    if array.shape != shape:
        raise ValueError(f"an array is {array.shape} and should be {shape}")
    return array


def _npz(arrays: Mapping[str, Any]) -> bytes:
    target = io.BytesIO()
    np.savez(target, allow_pickle=False, **arrays)
    return target.getvalue()


def _arrays(content: bytes) -> dict[str, Any]:
    with np.load(io.BytesIO(content), allow_pickle=False) as found:
        return dict(found)
