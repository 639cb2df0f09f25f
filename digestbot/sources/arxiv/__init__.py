"""arXiv: three interfaces behind one source.

The announcement feed for today, OAI-PMH for the days that were missed, the API for single papers. All of them
together get one request every three seconds (info.arxiv.org/help/api/tou.html).
"""

from digestbot.sources.arxiv.api import ArxivApi
from digestbot.sources.arxiv.source import ArxivSource

__all__ = ["ArxivApi", "ArxivSource"]
