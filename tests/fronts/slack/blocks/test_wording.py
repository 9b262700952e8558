"""What is masked in a text for a channel, and what is not."""

from __future__ import annotations

import pytest

from fluentsd.fronts.slack.blocks.wording import link, without_points


@pytest.mark.parametrize(
    "text",
    [
        "call +1 212 555 0142 now",
        "(212) 555-0142",
        "212.555.0142",
        "12125550142",
        "+442079460958",
        "212-555-0142",
        "555-0142",
        "2125550142.",
        "to 212 555 0142, please",
    ],
)
def test_a_number_is_masked(text: str) -> None:
    assert "0142" in without_points(text) or "0958" in without_points(text)
    assert "••• " in without_points(text)
    assert "555" not in without_points(text)
    assert "207946" not in without_points(text)


@pytest.mark.parametrize(
    "text",
    [
        "47 CFR 64.1200(b)(1)",
        "47 CFR 64.1200(c)(2)(i); 16 CFR 310.4(b)(3)",
        "on 2026-11-24",
        "2026-11-24 10",
        "1,204 people",
        "proposed rule of 2024-09-10",
        "DA 26-12 (2026-01-06)",
        "FCC 24-17 (2024-02-08)",
        "NRS 598.0918(3)",
        "KRS 367.46955(16)",
        "Fla. Stat. 501.605, 501.059(8)",
        "291 Neb. Admin. Code 11-003.02, 11-003.04",
        "step 2 of 3",
        "Florida 501.059",
    ],
)
def test_a_date_or_a_law_is_not(text: str) -> None:
    assert without_points(text) == text


def test_an_address_is_masked() -> None:
    assert without_points("write to dana.w@example.com") == "write to d•••@example.com"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://crm.example/c/1?a=1&b=2", "<https://crm.example/c/1?a=1&amp;b=2|record>"),
        ("https://crm.example/<!here>|x", "<https://crm.example/%3C!here%3E%7Cx|record>"),
        ("javascript:alert(1)", "record"),
        ("https://crm.example/a b", "record"),
        ("", "record"),
    ],
)
def test_a_link_leads_to_the_web_and_nowhere_else(url: str, shown: str) -> None:
    assert link(url, "record") == shown
