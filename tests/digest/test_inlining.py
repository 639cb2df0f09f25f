"""Looks of mail templates: classes become inline styles before a template is compiled."""

from __future__ import annotations

import re
from pathlib import Path

import jinja2
import pytest

from digestbot.digest.inlining import Inliner
from digestbot.settings import packaged

SHEET = ".ink { color: #201c17 } .big { font-size: 22px; font-family: 'Segoe UI', Arial } .ink.big { color: red }"
KEPT = "@media (prefers-color-scheme:dark){.ink{color:white!important}}"


@pytest.mark.parametrize(
    ("template", "inlined"),
    [
        ('<p class="ink">x</p>', '<p class="ink" style="color:#201c17">x</p>'),
        # A class that the style block does not speak of is not needed any more.
        ('<p class="big">', "<p style=\"font-size:22px;font-family:'Segoe UI', Arial\">"),
        ('<td class="big ink">', '<td class="ink" style="font-size:22px;font-family:\'Segoe UI\', Arial;color:red">'),
        ('<td width="44" class="ink" valign="top">', '<td width="44" class="ink" valign="top" style="color:#201c17">'),
        ('<p class="ink" style="margin:0;">', '<p class="ink" style="color:#201c17;margin:0">'),
        ('<br class="ink"/>', '<br class="ink" style="color:#201c17"/>'),
        ('<h{{ level }} class="ink">', '<h{{ level }} class="ink" style="color:#201c17">'),
        ('<a class="ink" href="{{ url }}">', '<a class="ink" href="{{ url }}" style="color:#201c17">'),
        ('<p class="unknown">', "<p>"),
        ('<p class="">', "<p>"),
        # Nothing to do.
        ('<p>class="ink"</p>', '<p>class="ink"</p>'),
        ('{% if a < b %}{{ "class" }}{% endif %}', '{% if a < b %}{{ "class" }}{% endif %}'),
        ('<p class="{{ chosen }}">', '<p class="{{ chosen }}">'),
    ],
)
def test_a_tag_gets_the_looks_of_its_classes(template: str, inlined: str) -> None:
    assert Inliner(SHEET, KEPT).inline(template) == inlined


def test_templates_are_inlined_when_they_are_loaded_and_what_they_extend_too(templates: jinja2.Environment) -> None:
    for name in ("_frame", "digest", "confirm", "alert", "_item", "_paper"):
        source, _, _ = templates.loader.get_source(templates, f"email/{name}.html.j2")  # type: ignore[union-attr]
        written = (Path(packaged("templates")) / "email" / f"{name}.html.j2").read_text(encoding="utf-8")
        assert source.count("style=") == len(re.findall(r"<[^<>]*\sclass=\"", written))


def test_every_class_that_a_template_names_has_looks_and_every_look_is_used() -> None:
    folder = Path(packaged("templates")) / "email"
    named = {
        name
        for path in folder.glob("*.html.j2")
        for classes in re.findall(r'class="([^"]*)"', path.read_text(encoding="utf-8"))
        for name in classes.split()
    }
    look = (folder / "_look.css").read_text(encoding="utf-8")
    screen = (folder / "_screen.css").read_text(encoding="utf-8")
    looks = set(re.findall(r"^\.([a-z]+) \{", look, re.MULTILINE))
    assert named - looks - set(re.findall(r"\.([a-z]+)", screen)) == set()
    assert looks - named == set()
    # The style block changes what is there.
    assert set(re.findall(r"^(?:\[data-\w+\] )?\.([a-z]+)", screen, re.MULTILINE)) <= named
