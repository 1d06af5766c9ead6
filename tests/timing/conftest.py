"""Stand-in codecs in place of the real ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ctc import plugins
from ctc.plugins import Registry
from tests.timing.told_codecs import Told

Register = Callable[..., None]


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Register:
    """Makes these codecs the only ones."""

    def only(*codecs: Told) -> None:
        registry = Registry("codec", {codec.name: codec for codec in codecs}, {})
        monkeypatch.setattr(plugins, "codecs", lambda: registry)

    return only
