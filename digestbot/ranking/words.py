"""Words that say nothing about what a paper is about."""

from __future__ import annotations

_GRAMMAR = """
about above after again against all also although among an and any are as at be because been before
being below between both but by can cannot could did do does doing done down due during each either
etc even ever every few first for from further furthermore had has have having he her here hers him
his how however if in into is it its itself just least less like many may me might more moreover
most much must my near neither no nor not now of off often on once one only onto or other others our
ours out over own per rather same second several she should since so some still such than that the
their theirs them then there thereby therefore these they this those though three through thus to
too toward towards two under until up upon us use used uses using usually various very via was way
we well were what when where whereas whether which while who whom whose why will with within without
would yet you your yours
"""

# Words of the genre rather than of a subject: they would only make reasons dull.
_GENRE = """
abstract achieve achieved achieves achieving address addresses approach approaches available based
code demonstrate demonstrates effective effectively existing experiment experimental experiments
extensive github https com improve improved improves improving introduce introduces introduced
method methods novel outperform outperforms outperforming paper papers performance present presents
propose proposed proposes provide provides recent recently result results show showing shown shows
significant significantly specifically state-of-the-art study task tasks work works
"""

STOP_WORDS = sorted({*_GRAMMAR.split(), *_GENRE.split()})
