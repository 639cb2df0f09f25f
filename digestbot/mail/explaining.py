"""What it means when a server does not take a mail, and what its sender can do: pure, in words for people.

Codes by RFC 5321 section 4.2.3, enhanced ones by RFC 3463 and RFC 7372, and what the large mailboxes write instead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

Step: TypeAlias = Literal["connection", "tls", "login", "sender", "recipient", "content"]
Trouble: TypeAlias = Literal[
    "refused",
    "unreachable",
    "unknown name",
    "no answer",
    "silent",
    "certificate",
    "handshake",
    "no starttls",
    "no login",
    "broken",
    "broken after the data",
]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What something means, and what to do."""

    means: str
    advice: str


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a reply means that fits a pattern: at its beginning stands the code, then the text in small letters."""

    steps: tuple[Step, ...]
    pattern: str
    explanation: Explanation


_TAKEN = Explanation(
    "the server has taken the mail, and answers for it from now on",
    "look for it in the mailbox, also among the spam; its source should say pass for SPF, DKIM and DMARC",
)
_TROUBLES: dict[Trouble, Explanation] = {
    "refused": Explanation(
        "nothing listens there: the machine answers, and no mail server does on this port",
        "check [smtp] host and port (587 with starttls and 465 with tls are usual), and that the server runs",
    ),
    "unreachable": Explanation(
        "there is no way to this machine",
        "check [smtp] host, the network, and the firewalls in between",
    ),
    "unknown name": Explanation(
        "the DNS knows no machine of this name",
        "check the spelling of [smtp] host, and that this machine can look up names",
    ),
    "no answer": Explanation(
        "nobody answers: a firewall swallows what is sent to this port, or nothing is there",
        "many hosts block port 25 to the outside: try [smtp] port = 587 with starttls; else check the host",
    ),
    "silent": Explanation(
        "somebody takes the connection and then says nothing",
        'a port that wants TLS at once, such as 465, needs [smtp] security = "tls"; else try again later',
    ),
    "certificate": Explanation(
        "the server cannot prove that it is the one you named, so it got neither login nor mail",
        "set [smtp] host to the name on its certificate; for one of your own making, let the environment's"
        " SSL_CERT_FILE name the file of its authority",
    ),
    "handshake": Explanation(
        "the two could not agree on TLS; most often this port begins without it",
        'try [smtp] security = "starttls" (usual on port 587), or "tls" with port 465',
    ),
    "no starttls": Explanation(
        "the server does not offer STARTTLS, and the mail does not go out without",
        'try [smtp] security = "tls" with port 465; "none" is for a server on this machine alone',
    ),
    "no login": Explanation(
        "the server offers no login that we know, at least not on this line",
        'many offer it over TLS alone: set [smtp] security to "starttls" or "tls"; or leave username empty',
    ),
    "broken": Explanation(
        "the line broke before the mail was handed over",
        "try again; if it stays so, ask whoever runs the server what its log says",
    ),
    "broken after the data": Explanation(
        "the line broke while the server had the mail in hand: it may arrive, or not",
        "look into the mailbox before you try again",
    ),
}

_ANY: tuple[Step, ...] = ("connection", "tls", "login", "sender", "recipient", "content")
_ENVELOPE: tuple[Step, ...] = ("sender", "recipient", "content")
_PROOF = (
    "let the sender's domain have an SPF record that names the server, the DKIM records of 'digestbot dkim generate',"
    " and a DMARC policy; 'digestbot doctor' shows what is signed"
)
_FULL = Explanation(
    "the mailbox at this address is full",
    "its owner has to make room; digests to it are tried again, or given up for the day",
)
# The first that fits.
_RULES = (
    _Rule(
        _ANY,
        r"421",
        Explanation(
            "the server shuts the line: too much at once for its taste, or it is going down",
            "try again in a quarter of an hour; if it stays so, set [smtp] connections lower",
        ),
    ),
    _Rule(
        ("connection",),
        r"[45]",
        Explanation(
            "the server turns this machine away before anything is said",
            "ask whoever runs it to let this machine in; or send over the server of your mail provider, with a login",
        ),
    ),
    _Rule(
        ("tls",),
        r"[45]",
        Explanation(
            "the server offers STARTTLS and cannot do it now",
            'try again later, or set [smtp] security = "tls" with port 465',
        ),
    ),
    _Rule(
        _ANY,
        r"5\d\d.*(starttls|\b5\.7\.10\b)",
        Explanation("the server wants TLS first", 'set [smtp] security = "starttls"'),
    ),
    _Rule(
        ("login",),
        r"4",
        Explanation("the server cannot check logins now", "try again in a few minutes"),
    ),
    _Rule(
        ("login",),
        r"5\d\d.*(\b5\.7\.9\b|app(lication)?[ -](specific )?password)",
        Explanation(
            "the server wants a password made for programs, not that of the account",
            "make an app password in the account's settings, and put it into the secret file as smtp_password",
        ),
    ),
    _Rule(
        ("login",),
        r"5",
        Explanation(
            "the server does not accept this login",
            "check [smtp] username and the smtp_password in the secret file",
        ),
    ),
    _Rule(
        _ENVELOPE,
        r"530|5\d\d.*authentication (is )?required",
        Explanation(
            "the server wants a login",
            "set [smtp] username, and smtp_password in the secret file",
        ),
    ),
    _Rule(
        _ENVELOPE,
        r"4\d\d.*gr[ae]y-?list|45[01] 4\.7\.1\b",
        Explanation(
            "greylisted: the server asks whom it does not know to come back, which is no refusal",
            "try again in a quarter of an hour; digests do so by themselves",
        ),
    ),
    _Rule(_ENVELOPE, r"4\d\d.*(\b4\.2\.2\b|over ?quota|mailbox (is )?full)", _FULL),
    _Rule(
        _ENVELOPE,
        r"4\d\d.*(\b4\.(1\.[78]|7\.)|\bspf\b|\bdkim\b|sender)",
        Explanation("the server does not trust the sender enough to take the mail now", f"{_PROOF}; then try again"),
    ),
    _Rule(
        _ENVELOPE,
        r"4",
        Explanation(
            "the server cannot take it now, and asks to come back",
            "try again in a quarter of an hour; digests do so by themselves",
        ),
    ),
    _Rule(
        _ENVELOPE,
        r"5\d\d.*(\b5\.7\.25\b|\bptr\b|reverse dns)",
        Explanation(
            "the address of this machine has no name of its own in the DNS",
            "let whoever gave you the address set its PTR record; or send over the server of your mail provider",
        ),
    ),
    _Rule(
        _ENVELOPE,
        r"5\d\d.*(\b5\.7\.(2[0-46-9]|30|515)\b|\bspf\b|\bdkim\b|\bdmarc\b|authenticated)",
        Explanation("nothing proves to the server that the mail is from its sender's domain", _PROOF),
    ),
    _Rule(
        _ENVELOPE,
        r"5\d\d.*(relay(ing)? (access )?(is )?(denied|prohibited|not)|to relay)",
        Explanation(
            "the server passes on no mail of ours to other domains",
            "set [smtp] username and smtp_password; or have whoever runs it allow this machine to relay",
        ),
    ),
    _Rule(
        ("sender",),
        r"5\d\d.*\b5\.1\.[78]\b",
        Explanation(
            "the server finds that the sender's address, or its domain, does not exist",
            "check [mail] sender, and bounce_domain if it is set: both domains need an MX or A record",
        ),
    ),
    _Rule(
        ("sender",),
        r"5",
        Explanation(
            "the server does not let us send under this address",
            "set [mail] sender (and bounce_domain) to what the login may send as, and let the SPF record of the domain"
            " name the server",
        ),
    ),
    _Rule(("recipient", "content"), r"5\d\d.*(\b5\.2\.2\b|over ?quota|mailbox (is )?full)", _FULL),
    _Rule(("recipient",), r"552", _FULL),
    _Rule(
        ("recipient",),
        r"5\d\d.*\b5\.2\.1\b",
        Explanation("the mailbox at this address is shut", "ask its owner for another address"),
    ),
    _Rule(
        ("recipient", "content"),
        r"5\d\d 5\.1\.[78]\b",
        Explanation(
            "the server finds that the sender's address, or its domain, does not exist",
            "check [mail] sender, and bounce_domain if it is set: both domains need an MX or A record",
        ),
    ),
    _Rule(
        ("recipient", "content"),
        r"5\d\d 5\.1\.|55[013] (?!5\.)",
        Explanation(
            "the server knows no such address",
            "check its spelling; a digest to it would put it on the list of those never to be mailed",
        ),
    ),
    _Rule(
        ("content",),
        r"552|5\d\d 5\.3\.4\b",
        Explanation("the mail is too large for the server", "no mail of ours is above 100 kB: ask whoever runs it"),
    ),
    _Rule(
        ("recipient", "content"),
        r"5\d\d 5\.7\.",
        Explanation(
            "the server refuses us by a rule of its own, most often since it takes this for spam",
            f"follow the link in its words, if there is one, and look this machine up in blocklists; {_PROOF}",
        ),
    ),
    _Rule(
        ("content",),
        r"5",
        Explanation(
            "the server read the mail and did not like what is in it",
            "send the test to another mailbox to see whether it is this one's filter, and show its owner the words",
        ),
    ),
    _Rule(_ANY, r"5", Explanation("the server refuses, without a reason we know", "ask whoever runs it")),
)
_ODD = Explanation(
    "this is no answer that belongs here",
    "make sure that [smtp] host and port are those of a mail server",
)


def of_a_reply(step: Step, code: int, text: str) -> Explanation:
    """Return what a server's refusal means at this step."""
    reply = f"{code} {text}".lower()
    for rule in _RULES:
        if step in rule.steps and re.match(rule.pattern, reply):
            return rule.explanation
    return _ODD


def of_trouble(trouble: Trouble | None) -> Explanation:
    """Return what it means when there was no reply; ``None``: the mail was taken."""
    return _TAKEN if trouble is None else _TROUBLES[trouble]
