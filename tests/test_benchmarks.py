"""The benchmark starts, refuses what it cannot do, and measures. What it measures is no matter of tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def ended(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"benchmarks.{script}", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)


def cells(table: str, metric: str, program: str) -> dict[str, str]:
    """The line of a metric and a program by the names of the columns."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line.startswith("|")]
    header = next(row for row in rows if row[0] == "metric")
    return dict(zip(header, next(row for row in rows if row[:2] == [metric, program]), strict=True))


@pytest.mark.parametrize("script", ["metrics_speed", "ten_reconstructions", "tools_speed"])
def test_says_how_it_is_called(script: str) -> None:
    asked = ended(script, "--help")
    assert asked.returncode == 0, asked.stderr
    assert "--megapixels" in asked.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--metrics", "beauty"), "invalid choice: 'beauty'"),
        (("--megapixels", "-2"), "-2 is not a positive number"),
        (("--megapixels", "nan"), "nan is not a positive number"),
        (("--threads", "0"), "0 is below 1"),
        (("--packages", "no/such/folder"), "no/such/folder does not exist"),
    ],
)
def test_refuses_what_it_cannot_do(arguments: tuple[str, str], complaint: str) -> None:
    refused = ended("metrics_speed", *arguments)
    assert refused.returncode == 2
    assert complaint in refused.stderr


def test_measures_ours() -> None:
    run = ended("metrics_speed", "--megapixels", "0.05", "--metrics", "nlpd", "--threads", "1", "--repeats", "2")
    assert run.returncode == 0, run.stderr
    row = cells(run.stdout, "NLPD", "ours")
    assert (row["MP"], row["threads"], row["wall s / ours"]) == ("0.05", "1", "1.0")
    assert all(float(row[column]) > 0 for column in ("wall s", "CPU s", "CPU ms/MP", "peak MiB"))
    assert 0 < float(row["score"]) < 1
    assert "- not measured: times faster than the official code" in run.stdout


def test_a_program_over_its_limits_is_stopped() -> None:
    run = ended("metrics_speed", "--megapixels", "0.05", "--metrics", "nlpd", "--threads", "1", "--time-limit-s", "0.05")
    assert run.returncode == 0, run.stderr
    assert "over 0.05 s" in run.stdout
    run = ended("metrics_speed", "--megapixels", "0.05", "--metrics", "nlpd", "--threads", "1", "--memory-limit-gib", "0.02")
    assert "does not fit in 0.02 GiB" in run.stdout


@pytest.mark.slow
def test_measures_tools_beside_no_tools() -> None:
    run = ended("tools_speed", "--megapixels", "0.02", "--points", "bop", "--tools", "rvs", "--repeats", "1")
    assert run.returncode == 0, run.stderr
    off, rvs = (line.split("|")[1:-1] for line in run.stdout.splitlines() if line.startswith(("| off", "| rvs")))
    assert off[2].endswith("(1.00×) ")
    assert all(float(cell.split()[0]) > 0 for cell in rvs[1:])


@pytest.mark.parametrize(
    ("tools", "complaint"),
    [("beauty", "there is no tool 'beauty'"), ("rdlr+quality-map", "does not go together with the tool quality-map")],
)
def test_tools_that_cannot_be_measured(tools: str, complaint: str) -> None:
    refused = ended("tools_speed", "--tools", tools)
    assert refused.returncode == 2
    assert complaint in refused.stderr
