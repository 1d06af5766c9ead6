"""The switches of the tools, from their names to the harness."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from jpegai_ref.coder import Coder
from jpegai_ref.encoder import Setting, encode
from jpegai_ref.tools import NO_TOOLS, Tools, ToolUnavailable, tool_names, tools_of_tensors
from jpegai_ref.weights_place import VARIABLE

from ctc import plugins
from ctc.errors import UsageError
from ctc.protocols import Varied
from tests.jpegai_ref.sample_pictures import rgb


def test_names_are_written_in_one_order_and_read_in_any() -> None:
    assert str(Tools(cwg=True, rvs=True)) == "rvs+cwg"
    assert Tools.parse("cwg+rvs") == Tools(rvs=True, cwg=True)
    assert Tools.parse("") == NO_TOOLS
    assert str(NO_TOOLS) == ""
    for left_out in ("quality-map", "rdlr"):
        names = [name for name in tool_names() if name != left_out]
        assert str(Tools.parse("+".join(reversed(names)))) == "+".join(names)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("rsv", "there is no tool 'rsv': the tools are rvs, cwg"),
        ("rvs+rvs", "rvs is named twice"),
        ("rvs+", "no tool ''"),
        ("rdlr+quality-map", "not go together"),
    ],
)
def test_names_that_are_not_read(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Tools.parse(text)


def test_what_the_weights_have_no_constants_for_is_refused(coder: Coder) -> None:
    with pytest.raises(ToolUnavailable, match="no constants for rvs, lef: "):
        encode(coder, rgb(64, 64), Setting(1, 0), Tools(rvs=True, lef=True))
    Tools(rvs=True).require(tools_of_tensors(["tools.rvs.scales", "luma.gain_logs"]))


def test_a_variant_is_a_codec_of_its_own() -> None:
    codec = plugins.codecs()["jpegai-bop+rvs+lef"]
    assert codec.name == "jpegai-bop+rvs+lef"
    assert codec is plugins.codecs()["jpegai-bop+rvs+lef"]
    assert codec.knob == plugins.codecs()["jpegai-bop"].knob
    assert codec.name not in plugins.codecs().found


def test_all_that_is_listed_can_be_used(weights_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the weights of the package, and without constants; without weights nothing is listed."""
    codec = plugins.codecs()["jpegai-bop"]
    assert isinstance(codec, Varied)
    for names in product(*codec.switches()):
        assert plugins.codecs()["+".join((codec.name, *names))].version()
    monkeypatch.setenv(VARIABLE, str(weights_path))
    assert codec.switches() == (("efe-linear",), ("efe-nonlinear",), ("no-skip",), ("quality-map", "rdlr"))
    for names in product(*codec.switches()):
        assert plugins.codecs()["+".join((codec.name, *names))].version()
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert codec.switches() == ()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("jpegai-bop+rsv", r"unknown codec 'jpegai-bop\+rsv': there is no tool 'rsv': the tools are rvs, cwg, lsbs, lef"),
        ("jpegai-sop+lef+rvs", r"unknown codec 'jpegai-sop\+lef\+rvs': did you mean jpegai-sop\+rvs\+lef\?"),
        ("jpegai-sop+", r"unknown codec 'jpegai-sop\+': did you mean jpegai-sop\?"),
        ("jpegai-bup+rvs", r"unknown codec 'jpegai-bup\+rvs': did you mean jpegai-"),
        ("jpeg+rvs", r"unknown codec 'jpeg\+rvs': did you mean jpeg"),
    ],
)
def test_variants_that_are_not_there(name: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        plugins.codecs()[name]
