"""arXiv's OAI-PMH 2.0 interface: ``arXivRaw`` records by datestamp and set, in pages."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from email.utils import format_datetime
from typing import TypeAlias
from urllib.parse import parse_qsl, quote, unquote, urlencode
from xml.sax.saxutils import escape

from tests.fakes.arxiv.categories import in_set, set_of, sets_of
from tests.fakes.arxiv.days import DAY
from tests.fakes.arxiv.records import State
from tests.fakes.arxiv.world import World
from tests.fakes.server import Answer, Request, Service

PAGE = 2000
_EARLIEST = date(2005, 9, 16)
_PREFIX = "oai:arXiv.org:"
_FORMATS = ("arXivRaw",)
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://www.openarchives.org/OAI/2.0/'
    ' http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd">\n'
)
_RAW = (
    '<arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xsi:schemaLocation="http://arxiv.org/OAI/arXivRaw/ http://arxiv.org/OAI/arXivRaw.xsd">'
)

Listing: TypeAlias = list[State]


class _Refused(Exception):  # noqa: N818 - it is an answer like any other here
    """What is said instead of records: one of the protocol's error codes."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(kw_only=True)
class Oai(Service):
    """ListRecords, GetRecord and Identify. ``overlap`` records of a page come again on the next one.

    Pages are skips into what the world is now: when ``world.now`` moves on between two pages, records move too.
    """

    world: World
    page_size: int = PAGE
    overlap: int = 0
    _issued: dict[str, date] = field(default_factory=dict)
    _sorted: tuple[datetime, dict[str, Listing]] | None = None
    _rendered: dict[int, bytes] = field(default_factory=dict)
    _sent: list[Answer] = field(default_factory=list)

    def answer(self, request: Request) -> Answer:
        try:
            verb, inner = self._spoken(request)
            body = inner.join((f"<{verb}>\n".encode(), f"</{verb}>\n".encode()))
        except _Refused as error:
            body = f'<error code="{error.code}">{escape(str(error))}</error>\n'.encode()
        answer = Answer(
            body=b"".join((_HEAD.encode(), self._asked_for(request), body, b"</OAI-PMH>\n")),
            headers={"Content-Type": "application/xml", "Surrogate-Control": "max-age=345600"},
        )
        self._sent = [*self._sent[-1:], answer]
        return answer

    def repeated_page(self, answer: Answer) -> Answer:
        """Fault: send what was sent before, token and all, instead of what was asked for."""
        self._sent = self._sent[:1] * 2
        return self._sent[0] if self._sent else answer

    def prepare(self) -> None:
        """Render every record that OAI knows now, so that serving costs next to nothing: for benchmarks."""
        for state in self.world.view("oai").values():
            self._record(state)

    def _asked_for(self, request: Request) -> bytes:
        stamp = self.world.now.strftime("%Y-%m-%dT%H:%M:%SZ")
        said = "".join(f' {name}="{escape(values[0], {chr(34): "&quot;"})}"' for name, values in request.query.items())
        return f"<responseDate>{stamp}</responseDate>\n<request{said}>http://oaipmh.arxiv.org/oai</request>\n".encode()

    def _spoken(self, request: Request) -> tuple[str, bytes]:
        if any(len(values) > 1 for values in request.query.values()):
            raise _Refused("badArgument", "An argument is repeated")
        arguments = {name: values[0] for name, values in request.query.items()}
        verb = arguments.pop("verb", "")
        match verb:
            case "Identify":
                _only(arguments)
                return verb, _identity()
            case "GetRecord":
                _only(arguments, needed=("identifier", "metadataPrefix"))
                return verb, self._single(arguments)
            case "ListRecords":
                return verb, self._page(arguments)
        raise _Refused("badVerb", f"Verb {verb!r} is not known here")

    def _single(self, arguments: dict[str, str]) -> bytes:
        _format(arguments)
        identifier = arguments["identifier"]
        state = self.world.view("oai").get(identifier.removeprefix(_PREFIX))
        if state is None or not identifier.startswith(_PREFIX):
            raise _Refused("idDoesNotExist", f"Nothing is known of {identifier}")
        return self._record(state)

    def _page(self, arguments: dict[str, str]) -> bytes:
        skip = 0
        if "resumptionToken" in arguments:
            _only(arguments, needed=("resumptionToken",))
            arguments, skip = self._resumed(arguments["resumptionToken"])
        _only(arguments, needed=("metadataPrefix",), allowed=("from", "until", "set"))
        _format(arguments)
        first, last = self._range(arguments)
        listing = self._listing(arguments.get("set", ""))
        start = bisect_left(listing, first, key=lambda state: state.datestamp)
        end = bisect_right(listing, last, key=lambda state: state.datestamp)
        upto = min(start + skip + self.page_size, end)
        page = listing[start + skip : upto]
        if not page:
            raise _Refused("noRecordsMatch", "No records match")
        token = self._token(arguments, listing, upto) if upto < end else ""
        return b"".join((*map(self._record, page), token.encode()))

    def _listing(self, wanted: str) -> Listing:
        """Return the records of a set by day, then id."""
        if self._sorted is None or self._sorted[0] != self.world.now:
            everything = sorted(self.world.view("oai").values(), key=lambda state: (state.datestamp, state.id))
            self._sorted = (self.world.now, {"": everything})
        listings = self._sorted[1]
        if wanted not in listings:
            known = [set_of(category) for category in self.world.known_categories]
            if not any(f"{name}:".startswith(f"{wanted}:") for name in known):
                raise _Refused("badArgument", f"There is no set {wanted}")
            listings[wanted] = [state for state in listings[""] if in_set(state.categories, wanted)]
        return listings[wanted]

    def _range(self, arguments: dict[str, str]) -> tuple[date, date]:
        first, last = _day(arguments.get("from"), date.min), _day(arguments.get("until"), date.max)
        if "until" in arguments and last > self.world.now.date() + DAY:
            raise _Refused("badArgument", "until lies in the future")
        if first > last:
            raise _Refused("badArgument", "from is later than until")
        return first, last

    def _token(self, arguments: dict[str, str], listing: Listing, upto: int) -> str:
        """Return the token element. The query in it begins at the page's last day, of which some are skipped."""
        day = listing[upto - 1].datestamp
        before = upto - bisect_left(listing, day, key=lambda state: state.datestamp)
        query = {"verb": "ListRecords", "metadataPrefix": arguments["metadataPrefix"], "from": day.isoformat()}
        query |= {name: arguments[name] for name in ("until", "set") if name in arguments}
        token = quote(urlencode(query | {"skip": str(max(before - self.overlap, 0))}))
        expires = self.world.now.date() + DAY
        self._issued[token] = expires
        return f"<resumptionToken expires='{expires.isoformat()}T00:00:00Z'>{token}</resumptionToken>\n"

    def _resumed(self, token: str) -> tuple[dict[str, str], int]:
        expires = self._issued.get(token)
        if expires is None or self.world.now.date() >= expires:
            raise _Refused("badResumptionToken", "The token is unknown or has expired")
        arguments = dict(parse_qsl(unquote(token)))
        arguments.pop("verb")
        return arguments, int(arguments.pop("skip"))

    def _record(self, state: State) -> bytes:
        # States live as long as the world, so that their place in memory names them.
        made = self._rendered.get(id(state))
        if made is None:
            made = self._rendered[id(state)] = _rendered(state).encode()
        return made


def _only(arguments: dict[str, str], *, needed: tuple[str, ...] = (), allowed: tuple[str, ...] = ()) -> None:
    for name in needed:
        if name not in arguments:
            raise _Refused("badArgument", f"{name} is missing")
    for name in arguments:
        if name not in (*needed, *allowed):
            raise _Refused("badArgument", f"{name} does not belong here")


def _format(arguments: dict[str, str]) -> None:
    if arguments["metadataPrefix"] not in _FORMATS:
        raise _Refused("cannotDisseminateFormat", f"No {arguments['metadataPrefix']} here")


def _day(text: str | None, absent: date) -> date:
    if text is None:
        return absent
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise _Refused("badArgument", f"{text} is not a day") from None


def _identity() -> bytes:
    return (
        "<repositoryName>arXiv</repositoryName>\n<baseURL>http://oaipmh.arxiv.org/oai</baseURL>\n"
        "<protocolVersion>2.0</protocolVersion>\n<adminEmail>help@arxiv.org</adminEmail>\n"
        f"<earliestDatestamp>{_EARLIEST.isoformat()}</earliestDatestamp>\n<deletedRecord>persistent</deletedRecord>\n"
        "<granularity>YYYY-MM-DD</granularity>\n"
    ).encode()


def _rendered(state: State) -> str:
    header = (
        f"<identifier>{_PREFIX}{state.id}</identifier>\n<datestamp>{state.datestamp.isoformat()}</datestamp>\n"
        + "".join(f"<setSpec>{name}</setSpec>\n" for name in sets_of(state.categories))
        + "</header>\n"
    )
    if state.deleted:
        return f'<record>\n<header status="deleted">\n{header}</record>\n'
    versions = "".join(
        f'<version version="v{version.number}"><date>{_stamp(version.submitted)}</date>'
        f"<size>{version.kilobytes}kb</size><source_type>D</source_type></version>\n"
        for version in state.versions
    )
    return (
        f"<record>\n<header>\n{header}<metadata>\n{_RAW}\n<id>{state.id}</id>\n"
        f"<submitter>{escape(state.names[-1])}</submitter>\n{versions}"
        f"<title>{escape(state.wrapped_title)}</title>\n<authors>{escape(state.creator)}</authors>\n"
        f"<categories>{' '.join(state.categories)}</categories>\n"
        + _optional("comments", state.comments)
        + _optional("journal-ref", state.journal_ref)
        + _optional("doi", state.doi)
        + _optional("license", state.license)
        + f"<abstract>  {escape(state.wrapped_abstract)}\n</abstract>\n</arXivRaw>\n</metadata>\n</record>\n"
    )


def _optional(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>\n" if text else ""


def _stamp(moment: datetime) -> str:
    return format_datetime(moment - timedelta(microseconds=moment.microsecond), usegmt=True)
