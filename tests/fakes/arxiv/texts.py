"""Invented titles, abstracts and authors, odd where arXiv's are: formulas, accents, affiliations, collaborations."""

from __future__ import annotations

from random import Random

from tests.fakes.arxiv.records import Author

_KINDS = [
    "Sparse",
    "Dense",
    "Layered",
    "Patient",
    "Frugal",
    "Robust",
    "Lazy",
    "Bounded",
    "Noisy",
    "Paired",
    "Seeded",
    "Folded",
    "Quiet",
    "Steady",
]
_THINGS = [
    "retrieval",
    "ranking",
    "parsing",
    "planning",
    "pruning",
    "sampling",
    "tracking",
    "routing",
    "matching",
    "pooling",
    "masking",
    "sketching",
    "smoothing",
    "indexing",
    "decoding",
    "hashing",
]
_PLACES = [
    "long letters",
    "harbour maps",
    "river sensors",
    "bird songs",
    "small libraries",
    "tidal clocks",
    "paper archives",
    "glass fibres",
    "slow networks",
    "mountain weather",
    "mixed scripts",
    "court records",
    "thin films",
    "night skies",
    "kitchen robots",
    "garden soils",
]
_TAILS = (
    "a study in {n} parts",
    "what $k < {n}$ readers tell",
    "$O(n \\log n)$ is enough for {n} & more",
    "the Erdős–Quill bound at rank {n}",
    "lessons from {n} evenings",
    "a \\emph{{short}} account of {n} trials",
    "beyond $\\mathbb{{R}}^{{{n}}}$",
)
_SUBJECTS = (
    "We",
    "Readers",
    "Two teams",
    "Our trials",
    "Simple rules",
    "Field notes",
    "Earlier tables",
    "Small models",
)
_VERBS = ("weigh", "compare", "order", "bound", "repeat", "question", "sharpen", "sort")
_GIVEN = [
    "Ada",
    "Bela",
    "Cyra",
    "Désiré",
    "Emre",
    "Finn",
    "Gaia",
    "Håkon",
    "Ines",
    "José",
    "Kenji",
    "Łucja",
    "Mira",
    "Nadège",
    "Óscar",
    "Priya",
]
_FAMILY = [
    "Quill",
    "Vane",
    "O'Dell",
    "Lindqvist",
    "Vale III",
    "Marsh",
    "Thorn",
    "Ødegård",
    "de la Cruz",
    "Núñez-Prado",
    "Sato",
    "Wójcik",
    "van der Meer",
    "Šimić",
    "Achterberg",
    "Iyer",
]
_HOUSES = (
    "Institute of Reading, Ulm, Germany",
    "Quay Lab (North), Oslo",
    "Universität Süd",
    "1, 2",
    "House of Maps & Charts",
)
_BIRDS = ("Aviary", "Heron", "Wren", "Plover")


class Texts:
    """Texts without end, all titles different."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._titles = 0
        # Made once: a month of abstracts is then a matter of joining.
        self._sentences = [self._sentence(number) for number in range(600)]

    def title(self) -> str:
        self._titles += 1
        pick = self._random.choice
        head = f"{pick(_KINDS)} {pick(_THINGS)} for {pick(_PLACES)}"
        return f"{head}: {pick(_TAILS).format(n=self._titles + 2)}"

    def abstract(self) -> str:
        return " ".join(self._random.choices(self._sentences, k=self._random.randint(4, 9)))

    def authors(self) -> tuple[Author, ...]:
        random = self._random
        names = [
            f"{given} {family}"
            for given, family in zip(
                random.sample(_GIVEN, k=random.randint(1, 6)), random.choices(_FAMILY, k=6), strict=False
            )
        ]
        kind = random.random()
        if kind < 0.1:
            return (Author(f"The {random.choice(_BIRDS)} Collaboration"), *map(Author, names))
        if kind < 0.3:
            return tuple(Author(name, random.choice(("", *_HOUSES))) for name in names)
        if kind < 0.35:
            # Footnotes: a number behind each name, and what the numbers mean behind the last.
            meant = ") ((1) Quay Lab, Oslo, (2) Institute of Reading, Ulm"
            return (*(Author(name, "1") for name in names[:-1]), Author(names[-1], f"2{meant}"))
        return tuple(map(Author, names))

    def comments(self) -> str:
        pages = self._random.randint(4, 60)
        return self._random.choice(("", f"{pages} pages", f"{pages} pages, 3 figures; to appear in Letters & Maps"))

    def journal(self) -> str:
        return f"Journal of Quiet Results {self._random.randint(1, 40)} ({self._random.randint(100, 999)})"

    def doi(self) -> str:
        return f"10.5555/quiet.{self._random.randint(1000, 99_999)}"

    def _sentence(self, number: int) -> str:
        pick = self._random.choice
        formula = pick(("", "", "", f", for $x_{{{number}}} < y$", ", α & β alike", f" within {number % 90 + 1}\\%"))
        return f"{pick(_SUBJECTS)} {pick(_VERBS)} {pick(_THINGS)} of {pick(_PLACES)} with {pick(_KINDS).lower()} {pick(_THINGS)}{formula}."
