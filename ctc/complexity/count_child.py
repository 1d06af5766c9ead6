"""python -P -m ctc.complexity.count_child CODEC SETTING PICTURE: operations of a learned codec, in a process of its own.

PICTURE is in the codec's pixel format. Prints a line of JSON: the records `PartMacs` of encoder and decoder, as a list.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ctc.complexity.macs import Macs, counted
from ctc.errors import CtcError, UsageError
from ctc.plugins import codecs
from ctc.protocols import Countable, CountedSide
from ctc.records import PartMacs


def counts_of(side: CountedSide) -> list[PartMacs]:
    """What coding one picture computes by part, in the order of the networks, then the rest."""
    found = counted(side.run, side.networks, side.rest)
    parts = list(dict.fromkeys([*side.networks, side.rest]))
    records = []
    for part in parts:
        macs, unseen = found.get(part, Macs()), side.unseen.get(part, 0)
        if macs == Macs() and not side.formula.get(part):
            continue
        # The official software has a rule of its own for networks in integers; they are counted as the arithmetic that they are.
        official = macs.official + unseen
        split = (macs.transposed, macs.biases, macs.elements, macs.functional)
        records.append(PartMacs(side.name, part, side.formula.get(part), macs.flop_counter, official, unseen, *split))
    return records


def main(arguments: Sequence[str]) -> None:
    name, setting, source = arguments
    codec = codecs()[name]
    if not isinstance(codec, Countable):
        raise UsageError(f"{name} is no codec whose operations can be counted")
    records = [record for side in codec.sides(Path(source), float(setting)) for record in counts_of(side)]
    print(json.dumps([asdict(record) for record in records]))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except CtcError as error:
        sys.exit(str(error))
