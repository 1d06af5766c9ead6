"""What the coding tools of `jpegai_ref` cost: each combination beside the codec without tools, in one run.

    python -m benchmarks.tools_speed [--megapixels 2] [--threads 1] [--points bop ...] [--tools rvs rvs+cwg ...] [--bpp 0.5] [--repeats N]

CPU seconds in one warm process, the least of the repeats; the combinations take turns, so that what else the machine does meets all
alike. The encoder's setting is that of the target rate without tools. Ratios are to no tools: of the encoder, and of each decoder.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import torch
from jpegai_ref.analysed import analysed
from jpegai_ref.coder import Coder, load
from jpegai_ref.decoder import decode
from jpegai_ref.encoder import Setting, encode_analysed
from jpegai_ref.memory import reuse_large_blocks
from jpegai_ref.picture import Picture
from jpegai_ref.rate_matching import matched
from jpegai_ref.tools import FITTED, NO_TOOLS, Tools, ToolUnavailable, tool_names
from jpegai_ref.weights_place import weights_file

from benchmarks import options
from benchmarks.measure_codec import WARM_UP_MEGAPIXELS, cpu_seconds, picture_of

Result = TypeVar("Result")
ALL = "rvs+cwg+lsbs+lef+efe-linear+efe-nonlinear"
POINTS = ("sop", "bop", "hop")


def main() -> None:
    description = " ".join((__doc__ or "").split("\n\n")[0].split())
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tools_speed", description=description)
    parser.add_argument("--megapixels", type=options.positive, default=2.0)
    parser.add_argument("--threads", type=options.count, default=1)
    parser.add_argument("--points", choices=POINTS, nargs="+", default=list(POINTS), help="operating points [default: all]")
    parser.add_argument("--tools", type=_tools, nargs="+", metavar="A+B", help="[default: each that the weights have, and all that filter]")
    parser.add_argument("--bpp", type=options.positive, default=0.5, help="[default: 0.5]")
    parser.add_argument("--repeats", type=options.count, default=3)
    asked = parser.parse_args()
    print("\n".join(options.conditions()))
    torch.set_num_threads(asked.threads)
    reuse_large_blocks()
    coder = load(weights_file())
    asked.tools = asked.tools or _available(coder)
    for tools in asked.tools:
        try:
            tools.require(coder.available())
        except ToolUnavailable as error:
            parser.exit(4, f"--tools {tools}: {error}\n")
    for megapixels in (WARM_UP_MEGAPIXELS, asked.megapixels):
        rows = _measured(coder, picture_of(megapixels), asked)
    columns = ("tools", "bpp", "encode, CPU s", *(f"decode {point}, CPU s" for point in asked.points))
    print(f"\n{asked.megapixels:g} MP, {asked.threads} threads\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    plain = rows[NO_TOOLS]
    for tools, (bpp, seconds) in rows.items():
        cells = [f"{least:.3f} ({least / plain[1][task]:.2f}×)" for task, least in seconds.items()]
        print(f"| {tools if tools.names else 'off'} | {bpp:.3f} | {' | '.join(cells)} |")
    for point in asked.points:
        print(f"\nEncoding without tools is {plain[1]['encode'] / plain[1][point]:.2f} times decoding with {point.upper()}.", end="")
    print()


def _tools(text: str) -> Tools:
    try:
        return Tools.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _available(coder: Coder) -> list[Tools]:
    """Every tool that these weights have alone, and all together but those that change the rate by themselves."""
    names = [name for name in tool_names() if name not in FITTED or name in coder.available()]
    together = [name for name in names if name not in ("quality-map", "rdlr")]
    return [*map(Tools.parse, names), Tools.parse("+".join(together))]


def _measured(coder: Coder, picture: Picture, asked: argparse.Namespace) -> dict[Tools, tuple[float, dict[str, float]]]:
    """Rate and least CPU seconds by task, for no tools and those asked for."""
    setting = matched(coder, analysed(coder, picture), asked.bpp).setting
    samples = picture.width * picture.height
    found: dict[Tools, tuple[float, dict[str, float]]] = {}
    for _ in range(asked.repeats):
        for tools in (NO_TOOLS, *asked.tools):
            data, least = _taken(partial(_encoded, coder, picture, setting, tools))
            times = {"encode": least}
            for point in asked.points:
                _, times[point] = _taken(partial(decode, coder, data, point, asked.threads))
            known = found[tools][1] if tools in found else times
            found[tools] = 8 * len(data) / samples, {task: min(known[task], took) for task, took in times.items()}
    return found


def _encoded(coder: Coder, picture: Picture, setting: Setting, tools: Tools) -> bytes:
    return encode_analysed(coder, analysed(coder, picture), setting, tools).data


def _taken(work: Callable[[], Result]) -> tuple[Result, float]:
    began = cpu_seconds()
    result = work()
    return result, cpu_seconds() - began


if __name__ == "__main__":
    main()
