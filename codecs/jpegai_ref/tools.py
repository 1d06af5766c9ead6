"""The switches of the coding tools, as the encoder, the command line and the harness know them; knows nothing of the networks.

A stream says itself which tools it uses: a decoder is told nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, fields

FITTED = ("rvs", "cwg", "lsbs", "lef", "eicci")
"""Tools with constants or networks that were fitted to the weights; a file of weights has them as the tensors `tools.NAME....`."""

EXCLUSIVE = ("quality-map", "rdlr")
"""The last two, of which only one is used at a time."""


class ToolUnavailable(Exception):
    """A tool that is asked for and that the weights have no constants for; one line."""


class NotRefinable(Exception):
    """RDLR is asked for together with what it cannot be used with; one line."""


@dataclass(frozen=True)
class Tools:
    """Which tools the encoder uses."""

    rvs: bool = False
    """Residual and variance are scaled by blocks, see `rvs`."""
    cwg: bool = False
    """Residual and variance are scaled by channels, see `cwg`."""
    lsbs: bool = False
    """Latents are scaled before the synthesis, see `lsbs`."""
    lef: bool = False
    """Luma is sharpened behind the synthesis, see `lef`."""
    efe_linear: bool = False
    """Chroma is filtered behind the synthesis by weights that the picture brings, see `efe_linear`. Grey pictures have none."""
    eicci: bool = False
    """All planes are corrected by trained networks behind the synthesis, see `eicci`. Not where chroma has half the size both ways."""
    efe_nonlinear: bool = False
    """Chroma is corrected by luma behind the synthesis, see `efe_nonlinear`. Grey pictures have none."""
    no_skip: bool = False
    """Skip mode, which is always on else, is off: no cube flag is set, and every position is coded. See `cubes`."""
    quality_map: bool = False
    """Steps are coarser where luma varies everywhere, see `adaptive_quantisation`. A region of interest needs no tool."""
    rdlr: bool = False
    """The encoder refines what it quantises by the decoder's gradient, see `refinement`. Nothing of it is in the stream."""

    def __str__(self) -> str:
        """`rvs+cwg`; empty where all are off."""
        return "+".join(self.names)

    def __or__(self, other: Tools) -> Tools:
        """What is on in one of the two. Raises ValueError for two tools that do not go together."""
        return Tools.parse("+".join(name for name in tool_names() if name in self.names + other.names))

    @property
    def names(self) -> tuple[str, ...]:
        """Of those that are on."""
        return tuple(name for name in tool_names() if getattr(self, _field(name)))

    @staticmethod
    def parse(text: str) -> Tools:
        """From names joined by `+`, in any order; the empty text is none.

        Raises ValueError for an unknown name, for one given twice and for two that do not go together."""
        names = text.split("+") if text else []
        for name in names:
            if name not in tool_names():
                raise ValueError(f"there is no tool {name!r}: the tools are {', '.join(tool_names())}")
            if names.count(name) > 1:
                raise ValueError(f"the tool {name} is named twice")
        if set(EXCLUSIVE) <= set(names):
            raise ValueError("the tool rdlr does not go together with the tool quality-map")
        return Tools(**{_field(name): True for name in names})

    def require(self, available: Collection[str]) -> None:
        """Raises ToolUnavailable where a fitted tool is switched on that is not among the `available` ones."""
        lacking = [name for name in FITTED if getattr(self, name) and name not in available]
        if lacking:
            raise ToolUnavailable(f"these weights have no constants for {', '.join(lacking)}: {' and '.join(_programs(lacking))}")


def tool_names() -> tuple[str, ...]:
    """Names of all tools, in the order in which they are written."""
    return tuple(field.name.replace("_", "-") for field in fields(Tools))


def usable(available: Collection[str]) -> tuple[tuple[str, ...], ...]:
    """The tools that go together where the fitted ones `available` are there, in their order; of several in one place only one."""
    names = [name for name in tool_names() if name not in FITTED or name in available]
    return (*((name,) for name in names if name not in EXCLUSIVE), EXCLUSIVE)


def tools_of_tensors(names: Iterable[str]) -> set[str]:
    """The fitted tools that a file of weights with tensors of these names has constants for."""
    return {name.split(".")[1] for name in names if name.startswith("tools.")}


def _programs(lacking: Collection[str]) -> Iterator[str]:
    """What fits the constants of these tools."""
    if set(lacking) != {"eicci"}:
        yield "`jpegai_ref.training.fit_tools` fits them"
    if "eicci" in lacking:
        yield "`jpegai_ref.training.fit_eicci` trains the networks of eicci"


def _field(name: str) -> str:
    return name.replace("-", "_")


NO_TOOLS = Tools()
