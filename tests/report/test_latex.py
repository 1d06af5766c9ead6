"""tables.tex: escaped, whole, and taken by pdflatex where there is one."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from synthetic_campaign import NASTY

from ctc.published.configurations import load
from ctc.records import Campaign
from ctc.report.as_latex import LatexReport, escape
from tests.interop.matrices import broken_matrix, matrix_of

EVERY_CHARACTER = "".join(map(chr, range(32, 127))) + "−×±∞–—…→µ°²³éÅß-- `` '' ?` őЖ中\U0001f600"


@pytest.fixture(scope="module")
def text(campaign: Campaign) -> str:
    interops = (broken_matrix("jpegai-bop"), matrix_of("jpeg"))
    named = replace(campaign, dataset=EVERY_CHARACTER, beside=(load("vm4"), load("vm5")), interop=interops)
    return LatexReport().render(named).decode()


def test_nothing_is_left_that_tex_would_take_for_its_own() -> None:
    assert escape(r"a_b & 50 % {x} #1 $ ~ ^ \ <t>") == (
        r"a\_b \& 50 \% \{x\} \#1 \$ \textasciitilde{} \textasciicircum{} \textbackslash{} \textless{}t\textgreater{}"
    )
    assert escape("−3.1 × é ő\n\tnext") == r"$-$3.1 $\times$ é [U+0151] next"
    assert escape("--") == "{-}{-}"


def test_every_row_has_the_columns_of_its_table(text: str) -> None:
    tables = re.findall(r"\\begin\{tabular\}\{(\w+)\}\n\\toprule\n(.*?)\\bottomrule", text, re.DOTALL)
    assert len(tables) == 5
    for columns, body in tables:
        rows = [line for line in body.splitlines() if not line.startswith(r"\midrule")]
        assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {len(columns)}
        assert all(row.endswith(r" \\") for row in rows)
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    for environment in ("table", "tabular", "document"):
        assert text.count(rf"\begin{{{environment}}}") == text.count(rf"\end{{{environment}}}") > 0
    assert NASTY not in text


def test_published_rows_are_said_to_be_published(text: str) -> None:
    rows = [line for line in text.splitlines() if "v4.4{-}" in line and line.endswith(r"\\")]
    assert len(rows) == 20
    assert all(row.startswith(r"\textit{published, vm4: ") for row in rows)


def test_bold_are_only_values_that_hold(clean: Campaign, campaign: Campaign) -> None:
    assert LatexReport().render(clean).decode().count(r"\textbf{") == 16
    unsound = LatexReport().render(campaign).decode()
    assert r"\textbf{" not in unsound
    for mark in set(re.findall(r"\\%\\textsuperscript\{(\w+)\}", unsound)):
        assert rf"\noindent \textsuperscript{{{mark}}} Not bold: " in unsound


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex")
def test_it_compiles(text: str, tmp_path: Path) -> None:
    (tmp_path / "tables.tex").write_text(text, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "tables.tex"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=250, check=False)
    assert ended.returncode == 0, ended.stdout[-2000:]
    assert "Float too large" not in ended.stdout
    assert (tmp_path / "tables.pdf").stat().st_size > 10_000
