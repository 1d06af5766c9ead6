"""The pictures of a notarisation: those of a set that are there and are what they should be."""

from __future__ import annotations

from collections.abc import Iterator

from ctc import datasets
from ctc.plan import Options
from ctc.store import Store


def pictures_there(options: Options) -> datasets.Dataset:
    """The pictures of `options.dataset`, also where they are not the whole set. Raises as `datasets.load`."""
    return datasets.load(options.dataset, Store(options.cache), options.images, options.limit, allow_partial=True, locking=False)


def left_out_lines(dataset: datasets.Dataset) -> Iterator[str]:
    """That a set is not whole, and which of its pictures were left out for what reason."""
    if dataset.state is not None:
        yield from filter(None, [dataset.state.share])
        names: dict[str, list[str]] = {}
        for name, reason in dataset.state.left_out:
            names.setdefault(reason, []).append(name)
        yield from (f"left out, {reason}: {', '.join(of_reason)}" for reason, of_reason in names.items())
