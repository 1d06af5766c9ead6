from __future__ import annotations

import pytest
from synthetic_campaign import clean_campaign, hypothetical_campaign

from ctc.records import Campaign


@pytest.fixture(scope="session")
def campaign() -> Campaign:
    return hypothetical_campaign()


@pytest.fixture(scope="session")
def clean() -> Campaign:
    return clean_campaign()
