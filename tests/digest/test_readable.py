"""Titles and abstracts become text that people read; what is meant stays, what hides or injects goes."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from digestbot.digest.environment import environment
from digestbot.digest.readable import readable
from digestbot.settings import packaged

FORMULAS = {
    r"$\mathcal{O}(n^2)$": "O(n²)",
    r"\mathcal{O}(n) without dollars": "O(n) without dollars",
    r"in $O(n \log n)$ time": "in O(n log n) time",
    r"$O(\sqrt{T\log T})$ regret": "O(√(T log T)) regret",
    r"$x^{ab}$ and $x^{2q}$": "xᵃᵇ and x^(2q)",
    r"$a^{1.5}$, $W_{2q}$, $W_{big}x$": "a^1.5, W_2q, W_(big)x",
    r"$L_{max}$ and $L_{joint}$": "Lₘₐₓ and L_joint",
    r"L_{joint} outside of mathematics": "L_joint outside of mathematics",
    r"$10^{-3}$, 10^6 and 10^{17} and 10^(-4)": "10⁻³, 10⁶ and 10¹⁷ and 10⁻⁴",
    r"$\mathbb{R}^d$ and $\mathbb E[X]$": "ℝᵈ and E[X]",
    r"CO$_2$, $^{137}$Cs and Na$^+$": "CO₂, ¹³⁷Cs and Na⁺",
    r"M$^3$Net: Multi-view Maps": "M³Net: Multi-view Maps",
    r"$\beta$-VAE with $\ell_2$ loss": "β-VAE with ℓ₂ loss",
    r"a 3$\times$ faster 512$\times$512": "a 3× faster 512×512",
    r"$3\times 4$ but $3 \times 4$": "3×4 but 3 × 4",
    r"$\Delta t$ and $\alpha \in A$": "Δt and α ∈ A",
    r"$n\geq3$, $\alpha\in(0,1)$": "n≥3, α∈(0,1)",
    r"$\frac{\eta_1}{\eta_2} \propto \frac{n+1}{\sqrt{d}}$": "η₁/η₂ ∝ (n+1)/√d",
    r"$\left(\frac12\right)^n$ and $\sqrt[3]{x}$": "(1/2)ⁿ and ³√x",
    r"$\sum_{i=1}^{n} x_i$ over $\{x_i\}$": "∑ᵢ₌₁ⁿ xᵢ over {xᵢ}",
    r"$\arg\min_{x} f(x)$": "arg minₓ f(x)",
    r"$f\colon X \to Y$": "f: X → Y",
    r"$\hat{y}$, $\tilde x$, $\bar{\mathbf{z}}$": "ŷ, x̃, z̄",
    r"$A^\top B^{-1}$, $x^*$, $f'$, $x^{\prime}$": "AᵀB⁻¹, x*, f′, x′",
    r"360$^\circ$ and 360{\deg} and 5.7$^{\circ}$": "360° and 360° and 5.7°",
    r"$\lVert x \rVert_2 < \langle a, b \rangle$ and $\lfloor x \rfloor$": "‖x‖₂ < ⟨a, b⟩ and ⌊x⌋",
    r"$\not\in$, $\not=$, $\neq$": "∉, ≠, ≠",
    r"$\ket{\psi}$, $\binom{n}{k}$, $a \pmod{7}$": "|ψ⟩, (n choose k), a (mod 7)",
    r"$$\int_0^1 f(x)\,dx$$ and \[E=mc^2\] and \(a^2\)": "∫₀¹ f(x) dx and E=mc² and a²",
    r"0.83$\pm$0.02 ($\sim$10\%, $p<0.05$)": "0.83±0.02 (∼10%, p<0.05)",
    r"$\text{minimize } x$ with $\operatorname{rank}(A)$": "minimize x with rank(A)",
    r"$\tt A^\tt 3$ and $\bW_t$": "A³ and Wₜ",
    r"water$\unicode{x2013}$and ice": "water–and ice",
    r"$\left.x\right|_0$ and $x \max(a)$": "x|₀ and x max(a)",
    r"$ n $ and $~6\times$ less": "n and ~6× less",
}
PROSE = {
    r"G\"odel, Fr\'{e}chet, Poincar\'e, Erd\H{o}s, B\'ezier": "Gödel, Fréchet, Poincaré, Erdős, Bézier",
    r"na{\"\i}ve, S\o ren, Stra\ss e, \L{}uk, Tom\'a\v{s}, \AA ngstr\"om": "naïve, Søren, Straße, Łuk, Tomáš, Ångström",
    r"\emph{Deep} \textbf{D}ata {\em is} {\bf here} \textsc{Net}": "Deep Data is here Net",
    r"as in~\cite{quill2024,mai2023}. Figure~\ref{fig:a} shows": "as in. Figure shows",
    r"known before [\cite{a}] and (\citep[p. 3]{b}), too": "known before and, too",
    r"Fig.~3, DALL-E~3 and~we, a\,b": "Fig. 3, DALL-E 3 and we, a b",
    r"about ~5\% of 4~5 and Policy ~ Human": "about ~5% of 4~5 and Policy ~ Human",
    "a--b, 5--10, this --- that -- then": "a–b, 5–10, this — that – then",
    "the --verbose flag, A --> B and ----- a row": "the --verbose flag, A --> B and ----- a row",
    "``quoted'' and ''also'' and ``half\" of `it'": "“quoted” and “also” and “half” of ‘it’",
    "layer`s, `code` and rock 'n' roll": "layer`s, `code` and rock 'n' roll",
    r"\"escaped quotes\" and John\'s": '"escaped quotes" and John\'s',
    r"{BERT}, {T}he {{Net}}, {a revised word}, 5{,}000": "BERT, The Net, a revised word, 5,000",
    "the set {Austin, Dallas} or {key: value}": "the set {Austin, Dallas} or {key: value}",
    r"Q\&A, 50\%, swin\_b, \#1, \{x\}": "Q&A, 50%, swin_b, #1, {x}",
    r"we propose \ourmodel, and \ours{} is \revised{good}": "we propose ourmodel, and ours is good",
    r"methods (\eg, this; \ie. that)": "methods (e.g., this; i.e. that)",
    r"at \href{https://example.org/a_b}{our page}": "at our page",
    r"at \href{https://example.org/a\_b}{here}": "at https://example.org/a_b",
    r"\url{https://example.org/~ada/a--b}": "https://example.org/~ada/a--b",
    "https://example.org/~ada/a--b_{c}": "https://example.org/~ada/a--b_c",
    r"field\footnote{Code at https://example.org.}.": "field (Code at https://example.org).",
    r"\textcolor{red}{warm} \color[RGB]{1,2,3}{cold} \hspace{2pt}": "warm cold",
    r"ten km\textsuperscript{2} and H\textsubscript{2}O": "ten km² and H₂O",
    r"5~\si{\kilo\meter} or \SI{3}{\meter\per\second}": "5 kilometer or 3 meter/second",
    r"\r{ho} = 0.3 and TCR \b{eta}-chains": "ρ = 0.3 and TCR β-chains",
    r"C:\new\dir, and\or, "
    r'"\n\n"': r"C:\new\dir, and\or, "
    r'"\n\n"',
    r"snake_case_name, __init__, x_i and ^_^": "snake_case_name, __init__, x_i and ^_^",
    r"\begin{itemize}\item one\end{itemize}": "one",
    r"reasoning\textemdash the ability": "reasoning—the ability",
    r"\input{/etc/passwd}\include{x} nothing is read": "nothing is read",
    r"printed on \today": "printed on",
    r"\verb|a_{b}| and \verb": "a_{b} and",
    r"a \unicode{none} b \unicode{x110000}": "a b",
    r"\resizebox{1pt}{2pt}{wide} \quote": "wide quote",
    "50% of #tags & more @ 5": "50% of #tags & more @ 5",
}
MONEY = (
    "costs $5 and $6",
    "between $5 and 10$ euros",
    "from $5-$10, or $5k/$6k, or US$5–US$6",
    "$1.52 million, then ($1.33M) and ($0.70M)",
    "$HOME and $PATH",
    "a price of $5",
    "$$ and $",
)
HTML = {
    "<p>H<sub>2</sub>O in <i>vivo</i></p>": "H₂O in vivo",
    "10<sup>-3</sup>, x<sub>max</sub>, Net<sup>TM</sup>, shown<sup>[1]</sup>": "10⁻³, xₘₐₓ, Net™, shown[1]",
    "a<p>b</p><br/>c<ul><li>d</li></ul>": "a b c d",
    "<jats:title>Abstract</jats:title><jats:p>We<jats:italic>see</jats:italic></jats:p>": "Abstract Wesee",
    '<a href="https://example.org" class=x>text</a>': "text",
    "a<!-- hidden -->b": "ab",
    "<script>alert(1)</script>after <style>p{}</style>": "after",
    "<img src=x onerror=alert(1)>after": "after",
    "R&amp;D, 5 &lt; 6, caf&eacute; &#8212; &#x2014;": "R&D, 5 < 6, café — —",
    "&lt;b&gt;bold&lt;/b&gt; and &amp;lt;i&amp;gt;twice&amp;lt;/i&amp;gt;": "bold and twice",
    "a < b and c > d": "a < b and c > d",
    "x<y, m<n and n>p, x<a and b>c": "x<y, m<n and n>p, x<a and b>c",
    "the <think> and <s> tokens": "the <think> and <s> tokens",
    "we insert a <script> tag": "we insert a <script> tag",
    "AT&T, Q&A; and R&para": "AT&T, Q&A; and R&para",
    "<b>unclosed and </i> closed": "unclosed and closed",
    "<![CDATA[text]]>": "text",
}
UNSEEN = {
    "one\ntwo\r\n\tthree\u00a0four\u2028five": "one two three four five",
    "  blanks  ": "blanks",
    "Bcc: x\r\nTo: y": "Bcc: x To: y",
    "re\x00st\x1b[31m": "rest[31m",
    "pay\u202eexe.fdp\u2066x\u200f": "payexe.fdpx",
    "zero\u200bwidth\ufeff soft\u00adhyphen": "zerowidth softhyphen",
    "lone \ud800 half, private \ue000, tag \U000e0041": "lone half, private , tag",
    "\u200dstray\u200cjoiners\u200d": "strayjoiners",
    "heap: Z" + "\u0336\u0337\u0334" * 9: "heap: Z\u0336\u0337\u0334",
    "\U0001d4aa(\U0001d45b) \ufb01ne": "O(n) fine",
    "&#x202e;spoofed &#0;": "spoofed \ufffd",
    r"$\unicode{x202e}$spoofed": "spoofed",
    "e\u0301": "é",
}
KEPT = (
    "می\u200cخواهم",
    "क्\u200dष and ක්\u200dය",
    "👩\u200d💻 and ⚙\ufe0f",
    "深層学習 и нейросети",
    "Ünïcödé – “quotes”, 5 °C ± 0.1",
)
# A sign and a name that nothing is known about, of text that anyone could send.
PIECES = st.sampled_from(
    [*FORMULAS, *PROSE, *MONEY, *HTML, *UNSEEN, *"\\${}^_~`'-&<>;: ", "\\frac", "\\href{", "\\(", "\\)", "<sub>", "$$"]
)
TEMPLATE = environment(packaged("templates")).from_string("{{ text }}")
HOSTILE = [
    "{",
    "{}",
    "\\frac{",
    "$",
    "$$",
    "$x^",
    "\\(",
    "\\'",
    "\\hat",
    "`a ",
    "<b>",
    "<script>",
    "<!--",
    "&amp;",
    "{a,",
]
# What may keep its backslash, and why.
LEFT_WITH_REASON = {r"\n": "a line's end, quoted in an abstract about prompts"}


@pytest.mark.parametrize(("given_text", "shown"), [*FORMULAS.items(), *PROSE.items()])
def test_latex_becomes_text(given_text: str, shown: str) -> None:
    assert readable(given_text) == shown


@pytest.mark.parametrize("text", MONEY)
def test_money_is_no_mathematics(text: str) -> None:
    assert readable(text) == text


@pytest.mark.parametrize(("given_text", "shown"), HTML.items())
def test_html_becomes_text_and_what_is_none_stays(given_text: str, shown: str) -> None:
    assert readable(given_text) == shown


@pytest.mark.parametrize(("given_text", "shown"), UNSEEN.items())
def test_nothing_hides_turns_or_breaks_the_line(given_text: str, shown: str) -> None:
    assert readable(given_text) == shown


@pytest.mark.parametrize("text", KEPT)
def test_other_scripts_keep_what_their_words_need(text: str) -> None:
    assert readable(text) == text


@pytest.mark.parametrize("text", [*FORMULAS.values(), *PROSE.values(), *HTML.values(), *UNSEEN.values()])
def test_what_is_readable_is_not_changed_again(text: str) -> None:
    # Braces that were escaped are braces; read again they are a group.
    if not re.search(r"\{\w+\}", text):
        assert readable(text) == text


@given(st.text() | st.lists(PIECES | st.text(max_size=5), max_size=12).map("".join))
@example("\\")
@example("$\\$")
@example("\\footnote{\\href{")
@example("`\\`a'")
def test_any_text_becomes_one_line_without_anything_unseen(text: str) -> None:
    shown = readable(text)
    assert shown == " ".join(shown.split())
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b\u2028\u2029\ufeff\ud800-\udfff]", shown)
    assert unicodedata.is_normalized("NFC", shown)
    assert len(shown) <= 3 * len(text) + 20
    shown.encode()


@given(st.lists(PIECES, max_size=12).map("".join))
def test_no_tag_of_html_comes_out_of_the_templates_filter(text: str) -> None:
    made = TEMPLATE.render(text=readable(text))
    assert "<" not in made
    assert ">" not in made


@given(st.lists(st.from_regex(r"[A-Za-zÀ-ÖØ-öø-ÿ0-9,.;:!?()/+%@#]{1,12}", fullmatch=True), max_size=20).map(" ".join))
def test_plain_words_stay_as_they_are(text: str) -> None:
    assert readable(text) == unicodedata.normalize("NFC", text)


@given(st.text(st.sampled_from("abcxyz0123456789+-=() "), max_size=30))
def test_braces_around_a_word_do_not_show(word: str) -> None:
    assume("--" not in word)
    assert readable(rf"\emph{{{word}}}") == readable(word)


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("length", [19_000, 100_000])
def test_time_stays_bounded_whatever_is_repeated(piece: str, length: int) -> None:
    # A word of its own, since results are remembered.
    text = "once " + piece * (length // len(piece))
    started = time.process_time()
    shown = readable(text)
    # Takes under 0.1 s on one core; a reader that looks at everything twice for each sign takes minutes.
    assert time.process_time() - started < 1
    assert len(shown) <= 2 * len(text)


def test_what_is_too_long_for_an_abstract_is_cut_and_says_so() -> None:
    shown = readable("word " * 100_000)
    assert len(shown) <= 100_001
    assert shown.endswith("…")


def test_starting_the_program_loads_no_table_of_commands() -> None:
    probe = (
        "import sys; import digestbot.digest.readable; sys.exit(any(m in sys.modules for m in ('pylatexenc', 'nh3')))"
    )
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0


def stream_texts(folder: Path) -> Iterator[str]:
    for month in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(month, "rt", encoding="utf-8") as lines:
            for line in lines:
                paper = json.loads(line)
                yield paper["title"]
                yield paper["abstract"]


def test_every_title_and_abstract_of_a_season_of_arxiv_is_readable(shared_data: Path) -> None:
    texts = list(stream_texts(shared_data / "arxiv_stream"))
    assert len(texts) == 2 * 12_242
    unread: dict[str, str] = {}
    for text in texts:
        shown = readable(text)
        bare = shown
        for left in LEFT_WITH_REASON:
            bare = bare.replace(left, "")
        if (
            re.search(r"\\|\$[A-Za-z^_]|</?(?:p|i|b|a|br|em|su[bp]|div|span)\b", bare)
            or any(unicodedata.category(character) in {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"} for character in shown)
            or readable(shown) != shown
            or len(shown) > 1.2 * len(text)
        ):
            unread[text] = shown
    assert not unread
