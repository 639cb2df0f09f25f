"""Words that say nothing about what a paper is about, in any company or alone."""

from __future__ import annotations

_GRAMMAR = """
about above after again against all also although among an and any are as at be because been before being below
between both but by can cannot could did do does doing done down due during each either etc even ever every few
first for from further furthermore had has have having he her here hers him his how however if in into is it its
itself just least less like many may me might more moreover most much must my near neither no nor not now of off
often on once one only onto or other others our ours out over own per rather same second several she should
since so some still such than that the their theirs them then there thereby therefore these they this those
though three through thus to too toward towards two under until up upon us use used uses using usually various
very via was way we well were what when where whereas whether which while who whom whose why will with within
without would yet you your yours
"""

# Words of the genre rather than of a subject, in every company: they would only make reasons dull.
_GENRE = """
ability able according account accurate accurately achieve achieved achieves achieving across actual add added
additional address addresses aim aims allow allowing allows along already alternative always apart applied apply
approach approaches appropriate around article aspects available based become becomes benefit benefits better
beyond bring brings broad called capable certain challenge challenges challenging cheap clear clearly close com
combined combines come comes commonly complete comprehensive consider considered consistent consistently contain
contains contribute contribution contributions current currently demonstrate demonstrated demonstrates designed
despite detailed develop developed differ different difficult directly drawn easily easy effective effectively
enable enables enabling enhance enhanced enhances enhancing ensure ensures entire especially essential evaluate
evaluated evaluation exist existing experiment experimental experiments explore explored explores extensive fail
fails faster final finally find findings finds focused focuses following fully gains generally get gets github
give given gives giving go goes good great greater growing help helps highly holds https idea identified
identify important improve improved improves improving include includes including increase increased increasing
increasingly instead introduce introduced introduces investigate issue issues keep keeps kind kinds known lack
lacks large largely larger later leads learn learned leave leaves let lets leverage leverages leveraging
limitations limited little look looks made main mainly make makes method methods mostly need needed needs never
new novel obtain obtained offer offers old outperform outperforming outperforms overall paper papers particular
particularly perform performance performs plays poor possible powerful practical practice present presents
previous previously produce produces promising propose proposed proposes provide provides purpose put reach
reaches recent recently relies rely remain remains require required requires requiring respectively result
results rich run runs scenarios see seen show showing shown shows significance significant significantly similar
simple simply smaller something specifically state-of-the-art studies study substantial substantially successful
successfully suffer suffers suggest suggests superior supports take taken takes tasks tested thanks think
thorough together traditional treat tries turns typical typically understand unlike useful validate validated
validates want wide widely work works worse
"""

# Words that are as dull alone, and make a subject beside another word: time series, point cloud, decision making.
_COMPANIONS = """
abstract analysis best case cases change changes code common design development end extra far fast fine focus
full gain general half hard high higher key lead leading left level levels limit limits long low lower making
mean means next number open order part parts place play point points potential prior problem problems proper
range rates real research right role scale set sets short single small solution solutions strategy strong
support task test tests time times top turn type types value values variety whole
"""

STOP_WORDS = frozenset({*_GRAMMAR.split(), *_GENRE.split()})
PAIR_WORDS = frozenset(_COMPANIONS.split())
