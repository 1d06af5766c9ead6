"""What others did: by arithmetic, and with a child whose processor time is not theirs."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from ctc.complexity.process import run
from ctc.records import StageTime, TimingSample
from ctc.records.timing import CODEC, DECODER, FROM_CODEC
from ctc.timing import load as module
from ctc.timing.load import TICKS, Load, is_busy, load, tick_s

SAMPLE = TimingSample(
    "codec", "p", 0.25, DECODER, 0, 0, (StageTime(CODEC, 2.0, 2.0), StageTime(FROM_CODEC, 50.0, 50.0)), 1, "cpu", 1, 0.0, True, True
)


def test_a_quiet_machine() -> None:
    assert not is_busy(SAMPLE)
    # A twentieth of one processor while the codec ran, whatever the harness took then.
    assert not is_busy(replace(SAMPLE, others_s=0.099))
    assert is_busy(replace(SAMPLE, others_s=0.101))
    assert is_busy(replace(SAMPLE, idle_before=False))


def test_what_the_systems_count_cannot_tell_is_no_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "tick_s", lambda: 0.01)
    short = replace(SAMPLE, stages=(StageTime(CODEC, 0.02, 0.02),))
    assert not is_busy(replace(short, others_s=0.03))
    assert is_busy(replace(short, others_s=0.031))


def test_others_are_what_is_left() -> None:
    assert Load(110.0, 7.0).others_s_since(Load(100.0, 5.0)) == pytest.approx(8.0)
    assert Load(100.0, 7.0).others_s_since(Load(100.0, 5.0)) == 0.0


def test_a_childs_time_is_our_own() -> None:
    before = load()
    run((sys.executable, "-I", "-S", "-c", "import time\nwhile time.process_time() < 0.2: pass"))
    after = load()
    # However long it waits for a processor. Its count may be a tick coarser than ours.
    assert after.own_s - before.own_s >= 0.2 - tick_s()
    assert after.machine_s - before.machine_s >= 0.2 - TICKS * tick_s()
