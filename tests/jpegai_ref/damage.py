"""Files that are damaged at random, and what becomes of them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jpegai_ref.errors import BitstreamError
from jpegai_ref.markers import Marker, read_substreams, write_substreams
from jpegai_ref.probe import probe


@dataclass(frozen=True, eq=False)
class Source:
    """A whole file, and what decodes it; that raises BitstreamError where a file is damaged."""

    data: bytes
    decode: Callable[[bytes], object]


@dataclass(frozen=True)
class Survived:
    """How many damaged files were decoded all the same, the messages of the others, and the longest time of one on the processor."""

    decoded: int
    refused: int
    messages: frozenset[str]
    longest_s: float


def mutated(data: bytes, choice: random.Random) -> bytes:
    """One to four changes: bits, bytes, cuts, copies, markers."""
    changed = bytearray(data)
    for _ in range(choice.randint(1, 4)):
        place = choice.randrange(len(changed)) if choice.random() < 0.5 else choice.randrange(min(40, len(changed)))
        kind = choice.randrange(7)
        if kind < 2:
            changed[place] ^= 1 << choice.randrange(8)
        elif kind == 2:
            changed[place] = choice.choice([0, 255, choice.randrange(256)])
        elif kind == 3:
            del changed[place : place + choice.randint(1, 8)]
        elif kind == 4:
            changed[place:place] = choice.randbytes(choice.randint(1, 8))
        elif kind == 5:
            start = choice.randrange(len(changed))
            changed[place : place + 4] = changed[start : start + 4]
        else:
            changed[place : place + 2] = choice.choice(list(Marker)).to_bytes(2, "big")
        if not changed:
            return b""
    return bytes(changed)


def mutated_inside(data: bytes, choice: random.Random) -> bytes:
    """A change of one substream in a container that stays whole, so that the coder sees it."""
    parts = {marker: list(map(bytes, contents)) for marker, contents in read_substreams(data).items()}
    contents = parts[choice.choice(list(parts))]
    place = choice.randrange(len(contents))
    contents[place] = mutated(contents[place], choice)
    return write_substreams(parts)


def flipped(source: Source, count: int, span: tuple[int, int], share: float, seed: int) -> Iterator[Source]:
    """`count` files, each with one to three bits changed, in bytes of the span in a share of the files and anywhere in the others."""
    generator = np.random.default_rng(seed)
    for _ in range(count):
        start, end = span if generator.random() < share else (0, len(source.data))
        altered = bytearray(source.data)
        for place in generator.integers(start, end, generator.integers(1, 4)):
            altered[place] ^= 1 << int(generator.integers(0, 8))
        yield Source(bytes(altered), source.decode)


def mutations(sources: Sequence[Source], count: int, seed: int = 2024) -> Iterator[Source]:
    """`count` damaged files, of each source in turn."""
    choice = random.Random(seed)
    for number in range(count):
        source = sources[number % len(sources)]
        yield Source((mutated if number % 3 else mutated_inside)(source.data, choice), source.decode)


def check_altered_bits(source: Source, count: int, *, span: tuple[int, int] = (0, 0), share: float = 0.0, seed: int = 0) -> Survived:
    """`flipped` files give a picture or one clear line; some do one, some the other."""
    survived = survive(flipped(source, count, span, share, seed))
    assert survived.decoded + survived.refused == count
    assert survived.decoded
    assert survived.refused
    assert all(message and "\n" not in message for message in survived.messages)
    return survived


def survive(damaged: Iterator[Source]) -> Survived:
    """Decodes all; any other exception than BitstreamError goes on to the caller."""
    decoded, refused, longest = 0, 0, 0.0
    messages: set[str] = set()
    for file in damaged:
        start = time.process_time()
        try:
            probe(file.data)
            file.decode(file.data)
            decoded += 1
        except BitstreamError as error:
            refused += 1
            messages.add(str(error))
        longest = max(longest, time.process_time() - start)
    return Survived(decoded, refused, frozenset(messages), longest)
