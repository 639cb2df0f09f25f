"""The judges see every mail that there is."""

from __future__ import annotations

from typing import get_args

import pytest

from digestbot.digest import wording
from digestbot.models import LANGUAGES, DeliveryKind
from tests.judges import lists
from tests.judges.mails import MAILS, Post

pytestmark = pytest.mark.xdist_group("judges")


def test_every_kind_of_mail_is_judged(post: Post) -> None:
    assert tuple(sorted(post.mails)) == tuple(sorted(MAILS))
    assert {sent.kind for sent in post.mails.values()} == {*DeliveryKind, None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sort_of_list_is_judged(language: str) -> None:
    sorts = get_args(wording.Kind)
    assert {sort: wording.kind(lists.of(sort, language)) for sort in sorts} == {sort: sort for sort in sorts}
