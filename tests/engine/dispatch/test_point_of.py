"""Every spelling of an address by a provider is the point that the store knows."""

from __future__ import annotations

import pytest

from fluentsd.engine.dispatch.inbound import point_of


@pytest.mark.parametrize(
    ("address", "value"),
    [
        ("whatsapp:+12125550111", "+12125550111"),
        ("12125550111", "+12125550111"),
        ("2125550111", "+12125550111"),
        ("+1 (212) 555-0111", "+12125550111"),
        ("tel:+12125550111", "+12125550111"),
        ("004915112345678", "+4915112345678"),
        ("4915112345678", "+4915112345678"),
        ("mailto:Jane@Example.com", "jane@example.com"),
        ("72345", "72345"),
        ("ACME", "ACME"),
    ],
)
def test_a_spelling_of_an_address_is_its_point(address, value):
    assert point_of(address) == value
