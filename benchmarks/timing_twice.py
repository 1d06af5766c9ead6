"""python -m benchmarks.timing_twice ONE.csv OTHER.csv: do two timing campaigns of the same command agree?

Takes two files timings.csv. For each codec, picture, rate and side it asks whether the median of the second campaign lies in the interval
that the first gives for it, and the reverse. Were nothing but chance between them, a median of five samples would lie from the lowest to
the highest of five others 5 times of 6 (`expected_share`).
"""

from __future__ import annotations

import csv
import math
import sys
from collections import defaultdict
from pathlib import Path
from statistics import median

from ctc.report.timing_table import TIME
from ctc.timing.statistics import interval_rank, spread

Times = dict[tuple[str, ...], list[float]]
PLACE = ("codec", "picture", "target_bpp", "side")


def times_of(path: Path) -> Times:
    """Wall seconds of every sample, by codec, picture, rate and side."""
    found: Times = defaultdict(list)
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["stage"] == TIME:
                found[tuple(row[name] for name in PLACE)].append(float(row["wall_s"]))
    return found


def expected_share(samples: int) -> float:
    """How often the median of an odd number of samples lies from the lowest to the highest of as many others of the same distribution.

    It lies below the lowest where of all, ordered, the first (samples + 1) / 2 are its own."""
    own = (samples + 1) // 2
    return 1 - 2 * math.comb(2 * samples - own, samples) / math.comb(2 * samples, samples)


def holding(one: Times, other: Times) -> dict[tuple[str, ...], bool]:
    """Whether the median of `other` lies in the interval of `one`, for each place that both have."""
    shared = [place for place in one if place in other]
    intervals = {place: spread(one[place]) for place in shared}
    return {place: intervals[place].low <= median(other[place]) <= intervals[place].high for place in shared}


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit("usage: python -m benchmarks.timing_twice ONE.csv OTHER.csv")
    one, other = (times_of(Path(name)) for name in sys.argv[1:])
    for named, found in (("second in first", holding(one, other)), ("first in second", holding(other, one))):
        print(f"{named}: {sum(found.values())} of {len(found)} medians in the interval")
        for codec in dict.fromkeys(place[0] for place in found):
            own = [holds for place, holds in found.items() if place[0] == codec]
            print(f"  {codec}: {sum(own)} of {len(own)}")
    number = len(next(iter(one.values())))
    if number % 2 and interval_rank(number) == 1:
        print(f"expected where nothing but chance is between them: {100 * expected_share(number):.1f} %")


if __name__ == "__main__":
    main()
