"""arXiv's API: single papers by ``id_list``, and as much of ``search_query`` as a client may need."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from tests.fakes.arxiv.categories import falls
from tests.fakes.arxiv.days import eastern, eastern_day
from tests.fakes.arxiv.records import State, Version
from tests.fakes.arxiv.world import World
from tests.fakes.server import Answer, Request, Service

SLICE = 2000
OVERALL = 30_000
_ID = re.compile(r"(?P<id>\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(?:v(?P<version>\d+))?\Z", re.ASCII)
_NAMESPACES = (
    'xmlns="http://www.w3.org/2005/Atom" xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/"'
    ' xmlns:arxiv="http://arxiv.org/schemas/atom"'
)


class _Refused(Exception):  # noqa: N818 - it is an answer like any other here
    """What is said with HTTP 400: the error's name, and its text."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name


@dataclass(frozen=True, slots=True)
class Found:
    paper: State
    version: Version


@dataclass(kw_only=True)
class Api(Service):
    """The API as it was rebuilt at the last midnight Eastern."""

    world: World

    def answer(self, request: Request) -> Answer:
        try:
            start, most = _part(request)
            found = self._found(request)
        except _Refused as error:
            return _answer(400, self._feed(request, _error(error), total=1, start=0, most=1))
        shown = found[start : start + min(most, SLICE)]
        entries = "".join(map(_entry, shown))
        return _answer(200, self._feed(request, entries, total=len(found), start=start, most=most))

    def _found(self, request: Request) -> list[Found]:
        query = request.value("search_query")
        if "id_list" in request.query:
            found = self._listed(request.value("id_list").split(","))
        else:
            known = self.world.view("api").values()
            found = [Found(state, state.versions[-1]) for state in known if not state.deleted] if query else []
        if query:
            found = [one for one in found if _matches(one, query)]
        orders = {"submittedDate": _submitted, "lastUpdatedDate": _updated}
        order = orders.get(request.value("sortBy"))
        if order is None:
            # Any order but that of the request, and the same each time.
            return sorted(found, key=lambda one: hashlib.md5(one.paper.id.encode()).digest())
        return sorted(found, key=order, reverse=request.value("sortOrder", "descending") == "descending")

    def _listed(self, identifiers: list[str]) -> list[Found]:
        known = self.world.view("api")
        found: dict[str, Found] = {}
        for text in identifiers:
            read = _ID.match(text.strip())
            if read is None:
                raise _Refused(f"incorrect_id_format_for_{text.strip()}", f"incorrect id format for {text.strip()}")
            state = known.get(re.sub(r"\.[A-Z]{2}/", "/", read["id"]))
            number = int(read["version"]) if read["version"] else 0
            if state is not None and not state.deleted and number <= state.version:
                found.setdefault(text.strip(), Found(state, state.versions[number - 1]))
        return list(found.values())

    def _feed(self, request: Request, entries: str, *, total: int, start: int, most: int) -> bytes:
        built = eastern(eastern_day(self.world.now)).astimezone(UTC)
        asked = "&".join(f"{name}={values[0]}" for name, values in sorted(request.query.items()))
        key = hashlib.md5(asked.encode()).hexdigest()
        return f"""<?xml version='1.0' encoding='UTF-8'?>
<feed {_NAMESPACES}>
  <id>https://arxiv.org/api/{key}</id>
  <title>arXiv Query: {escape(asked)}</title>
  <updated>{_stamp(built)}</updated>
  <link href="https://arxiv.org/api/query?{escape(asked, {'"': "&quot;"})}" type="application/atom+xml"/>
  <opensearch:itemsPerPage>{most}</opensearch:itemsPerPage>
  <opensearch:totalResults>{total}</opensearch:totalResults>
  <opensearch:startIndex>{start}</opensearch:startIndex>
{entries}</feed>
""".encode()


def _submitted(one: Found) -> datetime:
    return one.paper.versions[0].submitted


def _updated(one: Found) -> datetime:
    return one.version.submitted


def _answer(status: int, body: bytes) -> Answer:
    return Answer(status=status, body=body, headers={"Content-Type": "application/atom+xml; charset=utf-8"})


def _part(request: Request) -> tuple[int, int]:
    start, most = _number(request, "start", 0), _number(request, "max_results", 10)
    if start + most > OVERALL:
        raise _Refused("max_results_too_large", f"no more than {OVERALL} results")
    return start, most


def _number(request: Request, name: str, absent: int) -> int:
    text = request.value(name, str(absent))
    if not text.isdecimal():
        raise _Refused(f"{name}_must_be_an_integer", f"{name} must be an integer")
    return int(text)


def _matches(one: Found, query: str) -> bool:
    """Return whether a paper fits a query of terms joined by AND, each one or several joined by OR in parentheses."""
    return all(
        any(_fits(one, term.strip(" ()")) for term in part.split(" OR "))
        for part in query.replace("+", " ").split(" AND ")
    )


def _fits(one: Found, term: str) -> bool:
    field, _, wanted = term.rpartition(":") if "[" not in term else term.partition(":")
    wanted = wanted.strip('"')
    if field in ("submittedDate", "lastUpdatedDate"):
        first, _, last = wanted.strip("[]").partition(" TO ")
        moment = _submitted(one) if field == "submittedDate" else _updated(one)
        return first <= moment.strftime("%Y%m%d%H%M") <= last
    paper = one.paper
    if field == "cat":
        return any(falls(category, (wanted,)) for category in paper.categories)
    texts = {"ti": paper.title, "au": " ".join(paper.names), "abs": paper.abstract, "id": paper.id}
    return wanted.lower() in texts.get(field, " ".join(texts.values())).lower()


def _entry(one: Found) -> str:
    paper, version = one.paper, one.version
    address = f"arxiv.org/abs/{paper.id}v{version.number}"
    pdf = f"https://arxiv.org/pdf/{paper.id}v{version.number}"
    optional = {"comment": paper.comments}
    later = {"journal_ref": paper.journal_ref}
    lines = [
        f"<id>http://{address}</id>",
        f"<title>{escape(paper.wrapped_title)}</title>",
        f"<updated>{_stamp(version.submitted)}</updated>",
        f'<link href="https://{address}" rel="alternate" type="text/html"/>',
        f'<link href="{pdf}" rel="related" type="application/pdf" title="pdf"/>',
        f"<summary>  {escape(paper.wrapped_abstract)}\n</summary>",
        *(f'<category term="{term}" scheme="http://arxiv.org/schemas/atom"/>' for term in _terms(paper)),
        f"<published>{_stamp(_submitted(one))}</published>",
        *(f"<arxiv:{name}>{escape(text)}</arxiv:{name}>" for name, text in optional.items() if text),
        f'<arxiv:primary_category term="{paper.primary}"/>',
        *(f"<arxiv:{name}>{escape(text)}</arxiv:{name}>" for name, text in later.items() if text),
        *(_author(author.name, author.affiliation) for author in paper.authors),
    ]
    if paper.doi:
        lines.append(f"<arxiv:doi>{escape(paper.doi)}</arxiv:doi>")
        lines.append(f'<link rel="related" href="https://doi.org/{escape(paper.doi)}" title="doi"/>')
    return "  <entry>\n" + "".join(f"    {line}\n" for line in lines) + "  </entry>\n"


def _terms(paper: State) -> tuple[str, ...]:
    """Return arXiv's categories, and with them terms of other schemes, as authors gave them."""
    foreign = ("68T50; 62H30",) if paper.primary.startswith("cs.") and paper.version > 1 else ()
    return (*paper.categories, *foreign)


def _author(name: str, affiliation: str) -> str:
    inner = f"<arxiv:affiliation>{escape(affiliation)}</arxiv:affiliation>" if affiliation else ""
    return f"<author><name>{escape(name)}</name>{inner}</author>"


def _error(error: _Refused) -> str:
    return f"""  <entry>
    <id>https://arxiv.org/api/errors#{escape(error.name)}</id>
    <title>Error</title>
    <updated>2026-01-01T00:00:00Z</updated>
    <summary>{escape(str(error))}</summary>
    <author><name>arXiv api core</name></author>
  </entry>
"""


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
