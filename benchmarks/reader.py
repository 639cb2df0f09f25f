"""A reader at the mail program and in the browser: opens a digest, follows a link, presses the button."""

from __future__ import annotations

import email
from collections.abc import Mapping
from dataclasses import dataclass
from email import policy
from html.parser import HTMLParser

import httpx2

ARXIV_PAGE = "https://arxiv.org/abs/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A digest as its reader sees it: ``likes`` are the links under the papers, by paper id."""

    reader: str
    likes: Mapping[str, str]


def read_mail(content: bytes) -> Mail:
    """Read a digest as a mail program does: the HTML part, its papers, and the link under each."""
    message = email.message_from_bytes(content, policy=policy.default)
    html = message.get_body(("html",))
    if html is None or message.defects:
        raise SystemExit(f"a mail is broken: {message.defects or 'it has no HTML part'}")
    likes: dict[str, str] = {}
    paper = ""
    for link in Page(html.get_content()).links:
        if link.startswith(ARXIV_PAGE):
            paper = f"arxiv:{link.removeprefix(ARXIV_PAGE)}"
        elif "?like=" in link and paper:
            likes[paper] = link
    return Mail(reader=str(message["To"]).partition("@")[0], likes=likes)


def like(browser: httpx2.Client, link: str) -> None:
    """Open a like link of a mail and press the button of the page that it shows."""
    page = Page(browser.get(link).raise_for_status().text)
    number = link.rpartition("=")[2]
    form = page.fields | {f"p{number}": "like"}
    # An action of "?" is the page's own address without its query.
    address = link.partition("?")[0] + page.action if page.action.startswith("?") else page.action
    done = browser.post(address, data=form).raise_for_status()
    if "<h1>Recorded</h1>" not in done.text:
        raise SystemExit(f"a like was not recorded; the page says: {done.text[:2000]}")


class Page(HTMLParser):
    """The links of a page, and its form as a browser would send it untouched."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fields: dict[str, str] = {}
        self.action = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what the tags say."""
        found = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag == "form":
            self.action = found.get("action", "")
        elif tag == "input" and "name" in found and (found.get("type") != "radio" or "checked" in found):
            self.fields[found["name"]] = found.get("value", "")
