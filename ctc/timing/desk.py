"""Where one execution is timed, stage by stage."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from ctc import pixels
from ctc.bench import Bench, Source
from ctc.errors import ToolFailed
from ctc.picturefiles import read_samples
from ctc.protocols import Codec, Staying
from ctc.records import Cost, Picture, StageTime, TimingSample
from ctc.records.timing import CODEC, ENCODER, FROM_CODEC, LOADING, PICTURE_FILE, READ, START, TO_CODEC, WRITE
from ctc.store import Store, file_hash
from ctc.timing.load import load
from ctc.timing.schedule import Cell, Job, Place

Result = TypeVar("Result")
SMALLEST_SIDE = 16


@dataclass(frozen=True)
class _Done:
    """What an execution gave."""

    cost: Cost
    others_s: float
    stages: tuple[StageTime, ...]
    output: str
    """Hash of the bitstream or of the decoded samples."""


@dataclass
class Desk:
    """A folder on the local disk, with the bitstreams that are decoded again and again."""

    folder: Path
    store: Store
    threads: int
    _bitstreams: dict[Place, Path] = field(default_factory=dict)

    def sample(self, job: Job, order: int, codec: Codec | None = None) -> TimingSample:
        """Times `job`, by another codec than its own where one is given. Raises ToolFailed, PictureError."""
        cell = job.cell
        codec = codec or cell.codec(self.threads)
        if cell.side == LOADING:
            done = self._loaded(codec)
        else:
            done = self._encoded(cell, codec) if cell.side == ENCODER else self._decoded(cell, codec)
        expected = cell.coded.bitstream_sha256 if cell.side == ENCODER else cell.coded.decoded_sha256
        cost, place = done.cost, cell.place
        return TimingSample(
            *place, job.index, order, done.stages, cost.peak_bytes, cost.device, cost.threads, done.others_s, cost.machine_idle,
            same_output=cell.smallest or cell.side == LOADING or done.output == expected,
        )  # fmt: skip

    def _loaded(self, codec: Codec) -> _Done:
        if not isinstance(codec, Staying):
            raise TypeError(f"{codec.name} has nothing that stays")
        cost, others_s = _watched(codec.load)
        return _Done(cost, others_s, _codec_stages(cost), "")

    def _encoded(self, cell: Cell, codec: Codec) -> _Done:
        picture = cell.coded.job.picture
        bitstream = self.folder / "encoded"
        bitstream.unlink(missing_ok=True)
        before: list[StageTime] = []
        with _stage(PICTURE_FILE, before):
            rgb = _smallest(picture) if cell.smallest else read_samples(Path(picture.path), picture.light).rgb
        with _stage(TO_CODEC, before):
            source = pixels.write_source(rgb, codec.pixels, self.folder, picture.transfer)
        cost, others_s = _watched(lambda: codec.encode(source, bitstream, _setting(cell)))
        if not bitstream.is_file():
            raise ToolFailed(f"{codec.name} wrote no bitstream", codec.encode_command(source, bitstream, _setting(cell)))
        stages = _codec_stages(cost) if cell.smallest else (*before, *_codec_stages(cost))
        return _Done(cost, others_s, stages, file_hash(bitstream))

    def _decoded(self, cell: Cell, codec: Codec) -> _Done:
        picture = cell.coded.job.picture
        bitstream, decoded = self._bitstream(cell), self.folder / "decoded"
        decoded.unlink(missing_ok=True)
        cost, others_s = _watched(lambda: codec.decode(bitstream, decoded))
        if not decoded.is_file():
            raise ToolFailed(f"{codec.name} decoded nothing", codec.decode_command(bitstream, decoded))
        if cell.smallest:
            return _Done(cost, others_s, _codec_stages(cost), "")
        after: list[StageTime] = []
        bits: Literal[8, 16] = 8 if picture.bit_depth == 8 else 16
        with _stage(FROM_CODEC, after):
            rgb = pixels.read_decoded(decoded, codec.pixels, picture.width, picture.height, bits, picture.transfer)
        return _Done(cost, others_s, (*_codec_stages(cost), *after), pixels.sample_hash(rgb))

    def _bitstream(self, cell: Cell) -> Path:
        """A copy of the point's bitstream, or one of the smallest picture, made when it is first asked for."""
        if cell.place not in self._bitstreams:
            path, job = self.folder / f"{len(self._bitstreams)}.bits", cell.coded.job
            if cell.smallest:
                codec = cell.codec(self.threads)
                source = pixels.write_source(_smallest(job.picture), codec.pixels, self.folder, job.picture.transfer)
                codec.encode(source, path, _setting(cell))
            else:
                with Bench(Source(job.picture), job.codec, job.codec_version, self.store, may_run=True) as bench:
                    shutil.copyfile(bench.bitstream(_setting(cell)), path)
            self._bitstreams[cell.place] = path
        return self._bitstreams[cell.place]


def _setting(cell: Cell) -> float:
    if cell.coded.setting is None:
        raise ValueError(f"{cell.place}: a point without setting cannot be coded")
    return cell.coded.setting


def _smallest(picture: Picture) -> pixels.Rgb:
    """A ramp of the same kind as `picture`, 16x16; codecs that take none so small get it extended."""
    kind, step = (np.uint8, 8) if picture.bit_depth == 8 else (np.uint16, 2048)
    ramp = np.add.outer(np.arange(SMALLEST_SIDE), np.arange(SMALLEST_SIDE)) * step
    return np.repeat(ramp.astype(kind)[..., None], 3, axis=2)


def _watched(call: Callable[[], Cost]) -> tuple[Cost, float]:
    """What `call` costs, and the processor seconds that others took meanwhile."""
    before = load()
    cost = call()
    return cost, load().others_s_since(before)


@contextmanager
def _stage(name: str, stages: list[StageTime]) -> Iterator[None]:
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    stages.append(StageTime(name, time.perf_counter() - wall, time.process_time() - cpu))


def _codec_stages(cost: Cost) -> tuple[StageTime, ...]:
    """The stages that the codec's process told apart."""
    if cost.start_s is not None and cost.read_s is None:
        return (StageTime(START, cost.start_s, cost.cpu_s),)
    around = ((START, cost.start_s), (READ, cost.read_s), (WRITE, cost.write_s))
    start, read, write = ([StageTime(name, seconds, None)] if seconds is not None else [] for name, seconds in around)
    return (*start, *read, StageTime(CODEC, cost.wall_s, cost.cpu_s), *write)
