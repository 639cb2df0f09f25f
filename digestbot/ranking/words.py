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
ability able according account accurate accurately achieved across actual add added additional aim
aims allow allowing allows along already alternative always analysis apart applied apply appropriate
around article aspects become becomes benefit benefits best better beyond broad bring brings called
capable case cases certain challenge challenges challenging change changes cheap clear clearly close
combined combines come comes common commonly complete comprehensive consider considered consistent
consistently contain contains contribute contribution contributions current currently demonstrated
design designed despite detailed develop developed development differ different difficult directly
drawn easily easy enable enables enabling end enhance enhanced enhances enhancing ensure ensures
entire especially essential evaluate evaluated evaluation exist explore explored explores extra fail
fails far fast faster final finally find findings finds fine focus focused focuses following full
fully gain gains general generally get gets give given gives giving go goes good great greater growing
half hard help helps high higher highly holds idea identify identified important include includes
including increase increased increasing increasingly instead investigate issue issues keep keeps key
kind kinds known lack lacks large larger largely later lead leading leads learn learned leave leaves
left let lets level levels leverage leverages leveraging limit limitations limited limits little long
look looks low lower made main mainly make makes making mean means mostly need needed needs never new
next number obtain obtained offer offers old open order overall part particular particularly parts
perform performs place play plays point points poor possible potential powerful practical practice
previous previously prior problem problems produce produces promising proper purpose put range rates
reach reaches real rely relies remain remains require required requires requiring research respectively
rich right role run runs scale scenarios see seen set sets short significance similar simple simply
single small smaller solution solutions something strategy strong studies substantial substantially
successful successfully suffer suffers suggest suggests superior support supports take taken takes
test tested tests thanks think thorough time times together top traditional treat tries turn turns
type types typical typically understand unlike useful validate validated validates value values variety
want whole wide widely without worse
"""

STOP_WORDS = frozenset({*_GRAMMAR.split(), *_GENRE.split()})
