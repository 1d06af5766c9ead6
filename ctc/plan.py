"""What a run is asked to do, and the list of its jobs before the first is started."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ctc import parity, plugins
from ctc.coding import CodingResult, CodingUnit
from ctc.complexity import stored
from ctc.errors import ToolMissing, UsageError
from ctc.interop.stored import recall
from ctc.outside.anchor import PUBLISHED_BITS, Comparison, published_of_set, whose_points_are_published
from ctc.outside.points import joined, published_points
from ctc.outside.sources import OutsideSource
from ctc.protocols import Codec, Deepened, Device, Learned, Metric, Portable, SaysLearned
from ctc.published.points import PREFIX, Published, load
from ctc.ratecontrol import memory_offset
from ctc.records import (
    CTC_ANCHOR,
    STAND_IN_ANCHOR,
    TARGET_BPPS,
    Campaign,
    CodecInfo,
    Coded,
    Complexity,
    CountedCodec,
    Interop,
    MetricInfo,
    Parity,
    Picture,
    PublishedTable,
)
from ctc.scoring import Scoring, ScoringUnit
from ctc.store import Store
from ctc.timing.wanted import TimingWanted
from ctc.together import Setting

EMBEDDED_CODECS = ("jpeg", "jpeg2000", "hevc-x265", "vvc-vvenc", "jpegai-sop", "jpegai-bop", "jpegai-hop")
"""What every installation can run; the default of `--codecs`."""

PILOTS = 2
"""Pictures, the smallest, that are coded first to learn where the searches on the others begin."""


@dataclass(frozen=True)
class Options:
    """The resolved options of a run; see `ctc run --help`."""

    dataset: str
    out: Path
    cache: Path
    command: str = ""
    images: tuple[str, ...] = ()
    limit: int | None = None
    allow_partial: bool = False
    codecs: tuple[str, ...] = EMBEDDED_CODECS
    metrics: tuple[str, ...] = ()
    """Empty for all."""
    target_bpps: tuple[float, ...] = ()
    anchor: str | None = None
    workers: int = 1
    scheduler: str | None = None
    rate_tolerance: float = 0.10
    time_limit_s: float = 3600.0
    fail_fast: bool = False
    internal_bits: int = 10
    metric_device: Device = "cpu"
    metric_threads: int = 1
    external: tuple[OutsideSource, ...] = ()
    """Whose points are shown beside those that are made here."""
    beside: tuple[PublishedTable, ...] = ()
    """Tables of others that reports show beside their own."""
    timing: TimingWanted | None = None


@dataclass(frozen=True)
class Plan:
    """Options with every name looked up and every tool asked for its version."""

    options: Options
    codecs: tuple[CodecInfo, ...]
    metrics: tuple[MetricInfo, ...]
    anchor: str
    anchor_note: str
    published: Published | None = None
    """The anchor, where it is a set of published points."""

    def coding_units(self, pictures: Iterable[Picture], learnt: Sequence[CodingResult] = ()) -> list[CodingUnit]:
        """One unit per picture and codec, longest first, each beginning its search where the pilots `learnt` say."""
        units = [self._coding_unit(codec.on(picture), picture, learnt) for codec in self.codecs for picture in pictures]
        return sorted(units, key=lambda unit: (-unit.expected_s, unit.codec, unit.picture.name))

    def _coding_unit(self, codec: CodecInfo, picture: Picture, learnt: Sequence[CodingResult]) -> CodingUnit:
        options = self.options
        return CodingUnit(
            picture,
            codec.name,
            codec.version,
            options.target_bpps,
            options.rate_tolerance,
            memory_offset(plugins.codec_on(codec.name, picture).knob, _attempts(learnt, codec)),
            str(options.cache),
            options.time_limit_s,
        )

    def on(self, pictures: Sequence[Picture]) -> Plan:
        """The plan for these pictures: with the metrics that are defined for their transfers only, where none was named.

        What codecs are for pictures of more than 8 bits is left out where there are none. Raises ToolMissing."""
        metrics = _metric_infos(plugins.named_metrics(self.options.metrics, {picture.transfer for picture in pictures}), self.options)
        plan = replace(self, metrics=metrics, anchor_note=f"{self.anchor_note}{self._better_anchor(pictures)}")
        if any(picture.bit_depth > 8 for picture in pictures):
            return plan
        return replace(plan, codecs=tuple(replace(codec, deep=None) for codec in self.codecs))

    def _better_anchor(self, pictures: Sequence[Picture]) -> str:
        """Behind the note of an anchor that stands in: that the anchor itself was published of all these pictures, where it was."""
        if self.options.anchor is not None or self.published is not None or self.anchor == CTC_ANCHOR:
            return ""
        name = whose_points_are_published(pictures, _comparison(self.options))
        return f"; by their names and sizes the pictures are of a set whose anchor is published: --anchor {PREFIX}{name}" if name else ""

    @property
    def scores_here(self) -> bool:
        """Whether a metric is computed: not where all values are those of others."""
        return _scores_here(self.options)

    def certificate(self) -> tuple[Parity, ...]:
        """How near the metrics come to the official values here; empty where nothing is scored here."""
        if not self.scores_here:
            return ()
        metrics = [plugins.metrics()[metric.name] for metric in self.metrics]
        versions = [metric.version for metric in self.metrics]
        return parity.certificate(metrics, versions, self.options.metric_device, Store(self.options.cache))

    def with_others(self, campaign: Campaign) -> Campaign:
        """The campaign with the points that were not made here: those of the anchor where they were published, and the external ones.

        Raises UsageError where they are of other pictures."""
        options, targets = self.options, sorted(campaign.target_bpps)
        if self.published is not None:
            campaign = joined(campaign, published_points(self.published, campaign.pictures, targets, campaign.metrics))
        for source in options.external:
            points = source.points(campaign.pictures, targets, campaign.metrics, self._scoring, Store(options.cache))
            campaign = joined(campaign, points)
        return campaign

    @property
    def _scoring(self) -> Scoring:
        options = self.options
        metrics = tuple((metric.name, metric.version) for metric in self.metrics)
        return Scoring(metrics, Setting(options.internal_bits, options.metric_device, options.metric_threads))

    def interop(self) -> tuple[Interop, ...]:
        """The matrices of the codecs that `ctc interop` was run with here."""
        store = Store(self.options.cache)
        found = (recall(store, codec.name, codec.version) for codec in self.codecs)
        return tuple(matrix for matrix in found if matrix is not None)

    def counted(self, pictures: Sequence[Picture]) -> tuple[CountedCodec, ...]:
        """What `ctc complexity` has counted of the learned codecs on these pictures, or others of their sizes."""
        store = Store(self.options.cache)
        found = (stored.recall(store, codec.name, codec.version, pictures) for codec in self.codecs if codec.model is not None)
        return tuple(each for each in found if each is not None)

    def complexity(self, pictures: Iterable[Picture]) -> tuple[Complexity, ...]:
        """Of the learned codecs on every picture."""
        pictures, codecs = list(pictures), [plugins.codecs()[codec.name] for codec in self.codecs]
        return tuple(
            Complexity(codec.name, picture.name, codec.decoding_kmac_per_pixel(picture.width, picture.height))
            for codec in codecs
            if isinstance(codec, Learned)
            for picture in pictures
        )

    def scoring_units(self, coded: Iterable[CodingResult]) -> list[ScoringUnit]:
        """One unit per picture with all that was coded of it, several where workers would idle, longest first."""
        options = self.options
        scoring = self._scoring
        of_picture: dict[Picture, list[Coded]] = {}
        for result in coded:
            if result.coded:
                of_picture.setdefault(result.unit.picture, []).extend(result.coded)
        # Where there are fewer pictures than workers, a picture is shared among several, each of which looks at its reference.
        shares = max(1, options.workers // max(1, len(of_picture)))
        units = [
            ScoringUnit(
                picture, tuple(sorted(found, key=_codec_and_rate)[share::shares]), scoring, str(options.cache), options.time_limit_s
            )
            for picture, found in of_picture.items()
            for share in range(min(shares, len(found)))
        ]
        return sorted(units, key=lambda unit: (-unit.expected_s, unit.picture.name))


def _attempts(learnt: Sequence[CodingResult], codec: CodecInfo) -> list[dict[float, float]]:
    """Those of the codec's own version: settings of another, of deeper pictures, are of another kind."""
    return [dict(each.attempts) for each in learnt if (each.unit.codec, each.unit.codec_version) == (codec.name, codec.version)]


def _codec_and_rate(coded: Coded) -> tuple[str, float]:
    return coded.job.codec, coded.job.target_bpp


def resolve(options: Options) -> Plan:
    """Looks up codecs and metrics and asks for their versions.

    Raises UsageError for an unknown name, ToolMissing, naming all that is missing at once."""
    if options.internal_bits != PUBLISHED_BITS and any(not source.scored_here for source in options.external):
        raise UsageError(f"--internal-bits {options.internal_bits}: the values of a summary are of the {PUBLISHED_BITS}-bit grid")
    anchor, note, published = _anchor(options)
    others = [codec for source in options.external for codec in source.codecs]
    names = options.codecs if published or anchor in others or anchor in options.codecs else (*options.codecs, anchor)
    twice = [name for name, number in Counter((*names, *others)).items() if number > 1]
    if twice:
        raise UsageError(f"there are two codecs called {twice[0]}: rename the folder of the external one, or leave one out")
    plugins.require_device(options.metric_device)
    wanted = plugins.named_metrics(options.metrics)
    missing: list[str] = []
    codecs: list[CodecInfo] = []
    for name in names:
        codec = plugins.codecs()[name]
        try:
            codecs.append(_codec_info(codec, _codec_info(codec.deep) if isinstance(codec, Deepened) else None))
        except ToolMissing as error:
            missing.append(f"codec {name}: {error}")
    metrics: list[MetricInfo] = []
    for metric in wanted:
        try:
            metrics += _metric_infos([metric], options)
        except ToolMissing as error:
            missing.append(f"metric {metric.name}: {error}")
    if missing:
        needed = anchor if anchor in names else ""
        raise ToolMissing("\n".join([*missing, *_without(codecs, metrics, needed, complete=len(metrics) == len(wanted))]))
    return Plan(options, tuple(codecs), tuple(metrics), anchor, note, published)


def _scores_here(options: Options) -> bool:
    return bool(options.codecs) or any(source.scored_here for source in options.external)


def _codec_info(codec: Codec, deep: CodecInfo | None = None) -> CodecInfo:
    """Asks the codec. Raises ToolMissing."""
    model = codec.decoder_model() if isinstance(codec, Learned) else None
    learned = codec.learned if isinstance(codec, SaysLearned) else model is not None
    encodes_on, decodes_on = codec.own_devices() if isinstance(codec, Portable) else ("", "")
    return CodecInfo(
        codec.name, codec.version(), codec.pixels, codec.knob, codec.citation, codec.note, model,
        deep=deep, learned=learned, encodes_on=encodes_on, decodes_on=decodes_on,
    )  # fmt: skip


def _metric_infos(metrics: Iterable[Metric], options: Options) -> tuple[MetricInfo, ...]:
    """Asks the metrics for their versions, where something is scored here. Raises ToolMissing."""
    here, device = _scores_here(options), options.metric_device
    return tuple(replace(metric.info, version=metric.version(device) if here else "not computed here") for metric in metrics)


def _without(codecs: list[CodecInfo], metrics: list[MetricInfo], anchor: str, *, complete: bool) -> list[str]:
    """The options with which a run would do without what is missing."""
    if not (codecs and metrics):
        return []
    rest = [codec.name for codec in codecs]
    options = f"--codecs {','.join(rest)}" + (f" --anchor {rest[-1]}" if anchor and anchor not in rest else "")
    return [f"to go on without: {options}" + ("" if complete else f" --metrics {','.join(metric.name for metric in metrics)}")]


def _anchor(options: Options) -> tuple[str, str, Published | None]:
    """Name of the anchor, why it is not the one of the common test conditions run here, and its points where they were published."""
    if options.anchor is not None and options.anchor.startswith(PREFIX):
        return _published_anchor(options, load(options.anchor.removeprefix(PREFIX)))
    for source in options.external:
        if options.anchor in source.codecs:
            return options.anchor, f"not coded here: {source.source}", None
    name = options.anchor or (CTC_ANCHOR if CTC_ANCHOR in options.codecs else STAND_IN_ANCHOR)
    plugins.codecs()[name]
    if name == CTC_ANCHOR:
        return name, "", None
    why = "chosen with --anchor"
    if options.anchor is None:
        published, why_not = published_of_set(options.dataset, _comparison(options))
        if published is not None:
            return _published_anchor(options, published)
        why = f"stands in for {CTC_ANCHOR}, which was not run{why_not}"
    added = "" if name in options.codecs else "; added to the codecs because the BD-rates need it"
    return name, f"{why}; not the anchor of the common test conditions{added}", None


def _comparison(options: Options) -> Comparison:
    metrics = frozenset(metric.name for metric in plugins.named_metrics(options.metrics))
    return Comparison(metrics, frozenset(options.target_bpps), options.internal_bits)


def _published_anchor(options: Options, published: Published) -> tuple[str, str, Published]:
    if options.internal_bits != PUBLISHED_BITS:
        raise UsageError(f"--anchor {options.anchor}: its values are of the {PUBLISHED_BITS}-bit grid; leave out --internal-bits")
    return f"{PREFIX}{published.name}", f"published values, not coded here: {published.source}", published


def pilots_and_others(pictures: Sequence[Picture]) -> tuple[list[Picture], list[Picture]]:
    """The `PILOTS` smallest pictures, which go first, and the rest."""
    by_size = sorted(pictures, key=lambda picture: (picture.pixels, picture.sha256))
    return by_size[:PILOTS], by_size[PILOTS:]


def parse_rates(text: str, option: str = "--rates") -> tuple[float, ...]:
    """Target rates from "0.06,0.12", or all nine of the test conditions from "all", as `option` has them. Raises UsageError."""
    if text == "all":
        return TARGET_BPPS
    shown = f"{option} {text}" if text.strip() else f'{option} ""'
    try:
        rates = sorted({float(part) for part in text.split(",") if part.strip()})
    except ValueError as error:
        raise UsageError(f"{shown}: rates are numbers in bpp with commas between, e.g. 0.06,0.12,0.25") from error
    if not rates or not all(0.001 <= rate <= 48 for rate in rates):
        raise UsageError(f"{shown}: rates lie between 0.001 and 48 bpp")
    return tuple(rates)
