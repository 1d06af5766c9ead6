"""What people read of a timing campaign: the table of codecs in words, and what must be read with it."""

from __future__ import annotations

from collections.abc import Sequence

from ctc.records import Campaign, DeviceMemory
from ctc.records.timing import DECODER
from ctc.report.decode_ratio import stands_in
from ctc.report.overview import plural
from ctc.report.terminal import aligned
from ctc.report.timing_table import (
    LIBRARY_CALL,
    STAYS,
    WHOLE_PROCESS,
    TimingRow,
    conditions,
    loading_times,
    timing_rows,
)
from ctc.report.wording import NO_VALUE, significant
from ctc.timing.load import BUSY_SHARE
from ctc.timing.results import Ratio, Seconds, reference_decoder
from ctc.timing.statistics import FAR, coverage, interval_rank

TIMING_HEADER = (
    "timed as", "encode s", "decode s", "decoding ×", "× less start", "spread", "start s (enc, dec)", "to and from codec s",
    "peak MiB (enc, dec)", "outliers", "busy",
)  # fmt: skip
MADE_OF = {
    WHOLE_PROCESS: "from the start of the program to its end; it reads and writes raw pictures itself, which is in the time. Its start is "
    "the time of the smallest picture.",
    LIBRARY_CALL: "encoding with reading the input and writing the bitstream, decoding with reading it, by a library in a Python process "
    "whose start is not in the time.",
    STAYS: "encoding with reading the input and writing the bitstream, decoding with reading it, in a process that has loaded its model "
    "before. Loading is not in the time, nor is writing the decoded picture.",
}
MIB = 1 << 20


def timing_texts(row: TimingRow) -> tuple[str, ...]:
    """A row in the order of `TIMING_HEADER`."""
    of_samples = f"of {row.samples}"
    return (
        row.timed_as,
        _with_interval(row.encode),
        _with_interval(row.decode),
        _with_interval(row.ratio),
        significant(row.less_start.value, 3),
        f"{100 * row.spread:.1f} %",
        _two(row.encoder_start_s, row.decoder_start_s),
        _two(row.to_codec_s, row.from_codec_s),
        f"{row.encoder_peak_bytes / MIB:.0f}, {row.decoder_peak_bytes / MIB:.0f}",
        f"{row.outliers} {of_samples}",
        f"{row.busy} {of_samples}",
    )


def timing_notes(campaign: Campaign, rows: Sequence[TimingRow]) -> list[str]:
    """What must be read with the table, what could not be timed, and what came out otherwise."""
    timing = campaign.timing
    if timing is None:
        return []
    decoder = reference_decoder(campaign) or "the decoder compared with"
    sure = coverage(timing.samples_each, interval_rank(timing.samples_each))
    busy, samples = sum(row.busy for row in rows), sum(row.samples for row in rows)
    notes = [f"{busy} of {samples} samples were taken while the machine did other work; they do not compare codecs."] if busy else []
    notes += [
        conditions(campaign, timing),
        f"Seconds: mean over points of the median of each; × is the sum of these medians over that of {decoder}, of the points "
        "that both have. Beside them 95 % bootstrap over the samples of each point: how well it is known of these points on this machine. "
        "Spread: interquartile range over median, the median over points. "
        f"The interval of a point's median holds it with {100 * sure:.4g} %.",
    ]
    notes += [stand_in] if (stand_in := stands_in(campaign)) else []
    for kind in dict.fromkeys(row.timed_as for row in rows):
        names = ", ".join(row.codec for row in rows if row.timed_as == kind)
        notes.append(f"{names}: {MADE_OF[kind]}")
    on_cpu = [row.codec for row in rows if row.timed_as == STAYS and _devices(campaign, row.codec) == {"cpu"}]
    notes += [f"{', '.join(on_cpu)}: timed on the CPU only, also where there is a GPU."] if on_cpu else []
    on_gpu = [row.codec for row in rows if _devices(campaign, row.codec) - {"cpu"}]
    notes += [f"{', '.join(on_gpu)}: on a GPU, whose load is not watched: busy is of the processors alone."] if on_gpu else []
    notes += [f"Loading {name}: {significant(seconds, 3)} s, median of {number}." for name, seconds, number in loading_times(timing)]
    notes.append(
        f"To and from codec: colour conversion and files of the harness, never in the time. Peak: of the process that codes, with its "
        f"interpreter. Outliers, more than {FAR:g} robust standard deviations from the median, are counted and stay. Busy: others wanted a "
        f"processor when it started, or took more than {100 * BUSY_SHARE:g} % of one meanwhile."
    )
    single = [row.codec for row in rows if timing.threads > 1 and _threads(campaign, row.codec) == {1}]
    notes += [f"Of one thread all the same: {', '.join(single)}."] if single else []
    notes += [f"{row.codec}: {reason}." for row in rows for reason in row.reasons]
    notes += [
        f"{row.codec}: {plural(row.other_output, 'sample')} gave another output than the point has." for row in rows if row.other_output
    ]
    notes += [f"GPU memory, {each.codec}, {each.side}, {each.picture}: {_memory(each)}." for each in timing.device_memory]
    notes += [f"Not timed: {each.codec}, {each.picture}, {each.side}: {each.error}." for each in timing.failed]
    return [note.replace("..", ".") for note in notes]


def timing_text(campaign: Campaign) -> list[str]:
    """The campaign in brief, for a terminal; empty without one."""
    rows = timing_rows(campaign)
    if campaign.timing is None:
        return []
    if not rows:
        return ["timing: no point was timed", ""]
    shown = (1, 2, 3, 4, 5, 9, 10)
    header = ["timing", *(TIMING_HEADER[column] for column in shown)]
    lines = aligned([header, *([row.codec, *(timing_texts(row)[column] for column in shown)] for row in rows)])
    failed = [f"  not timed: {each.codec} {each.picture} {each.side}: {each.error}" for each in campaign.timing.failed]
    told = filter(None, (conditions(campaign, campaign.timing), stands_in(campaign)))
    return [*lines, *(f"  {line}" for line in told), *failed, ""]


def _with_interval(value: Seconds | Ratio) -> str:
    if value.value is None:
        return NO_VALUE
    if value.low is None or value.high is None or value.low == value.high:
        return significant(value.value, 3)
    return f"{significant(value.value, 3)} ({significant(value.low, 3)} to {significant(value.high, 3)})"


def _two(first: float | None, second: float | None) -> str:
    return f"{significant(first, 2)}, {significant(second, 2)}"


def _memory(found: DeviceMemory) -> str:
    if found.needed_bytes is None:
        return found.reason
    output = "samples" if found.side == DECODER else "bitstream"
    return f"{found.needed_bytes / MIB:.0f} MiB at least for the same {output}, without the context of CUDA"


def _devices(campaign: Campaign, codec: str) -> set[str]:
    return set() if campaign.timing is None else {sample.device for sample in campaign.timing.samples if sample.codec == codec}


def _threads(campaign: Campaign, codec: str) -> set[int]:
    return set() if campaign.timing is None else {sample.threads for sample in campaign.timing.samples if sample.codec == codec}
