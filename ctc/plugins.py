"""The folder is the registry: every file of `ctc/anchors`, `ctc/metrics`, `ctc/report` and every entry of `codecs/` is listed.

A plug-in file ends in a tuple: `CODECS`, `METRICS` or `REPORTS`. A file that cannot be imported because a package is missing breaks only
those who ask for it by name.
"""

from __future__ import annotations

import importlib
import importlib.util
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from ctc.errors import ToolMissing, UsageError
from ctc.protocols import Codec, Deepened, Device, Metric, Report, Varied
from ctc.records import METRIC_ORDER, Picture, Transfer

PACKAGE = Path(__file__).parent
LEARNED_CODECS = PACKAGE.parent / "codecs"

Plugin = TypeVar("Plugin")


@dataclass(frozen=True)
class Registry(Generic[Plugin]):
    """Plug-ins of one kind by name, and the modules that could not be imported with the reason."""

    kind: str
    found: Mapping[str, Plugin]
    broken: Mapping[str, str]

    def __getitem__(self, name: str) -> Plugin:
        """The plug-in called `name`, or `name` with switches of its own behind a `+`.

        Raises UsageError with the nearest names, ToolMissing where files could not be imported."""
        if name in self.found:
            return self.found[name]
        base, plus, switches = name.partition("+")
        plain = self.found.get(base)
        if plus and isinstance(plain, Varied):
            variant: Any = plain.variant(switches)
            return variant
        near = get_close_matches(name, self.found, n=3, cutoff=0.5)
        if self.broken and not near:
            reasons = "; ".join(f"{module}: {reason}" for module, reason in self.broken.items())
            raise ToolMissing(f"no {self.kind} {name!r} among those that can be imported ({reasons})")
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(self.found)}"
        raise UsageError(f"unknown {self.kind} {name!r}: {hint}")


@lru_cache
def codecs() -> Registry[Codec]:
    """Anchors and learned codecs."""
    return _registry("codec", "CODECS", (*_modules("ctc.anchors", PACKAGE / "anchors"), *_modules("", LEARNED_CODECS)), "name")


def codec_on(name: str, picture: Picture) -> Codec:
    """What codes `picture` under this name. Raises as the registry."""
    return codec_for_depth(codecs()[name], picture.bit_depth)


def codec_for_depth(codec: Codec, bit_depth: int) -> Codec:
    """`codec`, or what it is for pictures of more than 8 bits."""
    return codec.deep if bit_depth > 8 and isinstance(codec, Deepened) else codec


@lru_cache
def metrics() -> Registry[Metric]:
    """Metrics, in the column order of the tables."""
    unordered = _registry("metric", "METRICS", _modules("ctc.metrics", PACKAGE / "metrics"), "name")
    places = {name: place for place, name in enumerate(METRIC_ORDER)}
    names = sorted(unordered.found, key=lambda name: (places.get(name, len(places)), name))
    return Registry(unordered.kind, {name: unordered.found[name] for name in names}, unordered.broken)


def require_device(device: Device) -> None:
    """Raises ToolMissing where metrics are asked for on a GPU and there is none."""
    if device == "cuda":
        from ctc.cuda.device import require_cuda

        require_cuda()


def named_metrics(names: Sequence[str], transfers: Iterable[Transfer] = ("sdr",)) -> list[Metric]:
    """The metrics called `names`: with "all" all, with "+NAME" that one besides the default ones, without names the default ones.

    Raises UsageError for an unknown name."""
    wanted: list[str] = [] if names and not all(name.startswith("+") for name in names) else list(default_metrics(transfers))
    for name in names:
        wanted += list(metrics().found) if name == "all" else [name.removeprefix("+")]
    return [metrics()[name] for name in dict.fromkeys(wanted)]


def default_metrics(transfers: Iterable[Transfer] = ("sdr",)) -> tuple[str, ...]:
    """Names of the metrics that are computed of pictures of these transfers where none is named: all but the extra ones."""
    known = {None, *transfers}
    return tuple(name for name, metric in metrics().found.items() if not metric.extra and metric.transfer in known)


@lru_cache
def reports() -> Registry[Report]:
    return _registry("report", "REPORTS", _modules("ctc.report", PACKAGE / "report"), "name")


def _modules(package: str, folder: Path) -> Iterable[str]:
    """Names of the importable modules and packages in `folder`."""
    if not folder.is_dir():
        return
    for entry in sorted(folder.iterdir()):
        is_module = entry.suffix == ".py" and entry.stem != "__init__"
        if is_module or (entry / "__init__.py").is_file():
            yield f"{package}.{entry.stem}" if package else entry.stem


def _registry(kind: str, tuple_name: str, modules: Iterable[str], name_field: str) -> Registry[Any]:
    found: dict[str, Any] = {}
    broken: dict[str, str] = {}
    if LEARNED_CODECS.is_dir() and str(LEARNED_CODECS) not in sys.path:
        sys.path.append(str(LEARNED_CODECS))
    for module_name in modules:
        try:
            module = importlib.import_module(module_name)
        except (ImportError, SyntaxError) as error:
            broken[module_name] = str(error)
            continue
        for plugin in getattr(module, tuple_name, ()):
            name = getattr(plugin, name_field)
            if name in found:
                raise UsageError(f"two {kind}s are called {name!r}; the second is in {module_name}")
            found[name] = plugin
    return Registry(kind, found, broken)


def other_version(name: str, here: str, wanted: str) -> str:
    """What is to be said where this machine has another version of a plug-in than the plan; empty where it is the same.

    A store is shared by machines: one that would make other results must make none."""
    return "" if here == wanted else f"worker {platform.node()} has {name} {here!r}, the run wants {wanted!r}"
