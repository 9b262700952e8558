"""A person's candidate zones come from what is written of them, all of them, and never from a default."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluentsd.domain.places import area_codes, location, readings
from fluentsd.domain.places.location import place_of
from fluentsd.domain.time.zones import zone_names

CALLABLE = [
    # as IANA, in any capitals, and as HubSpot, Salesforce and Outlook write it
    ("America/New_York", "America/New_York"),
    ("america/new_york", "America/New_York"),
    ("america_slash_los_angeles", "America/Los_Angeles"),
    ("america_slash_port_hyphen_au_hyphen_prince", "America/Port-au-Prince"),
    ("us_slash_eastern", "US/Eastern"),
    ("UTC -05:00 America Bahia Banderas", "America/Bahia_Banderas"),
    ("(GMT-05:00) Eastern Standard Time (America/New_York)", "America/New_York"),
    ("(UTC-05:00) Eastern Time (US & Canada)", "America/New_York"),
    ("Eastern Time (US & Canada)", "America/New_York"),
    ("Eastern Standard Time", "America/New_York"),
    ("US Mountain Standard Time", "America/Phoenix"),
    ("GMT Standard Time", "Europe/London"),
    ("Indiana (East)", "America/Indiana/Indianapolis"),
    ("EST", "America/New_York"),
    ("PT", "America/Los_Angeles"),
    ("Central", "America/Chicago"),
    ("MT", "America/Denver"),
    ("São Paulo", "America/Sao_Paulo"),
    ("London", "Europe/London"),
]


@pytest.mark.parametrize(("text", "name"), CALLABLE)
def test_a_zone_field_is_read_as_it_is_written(text, name):
    found = readings.of_field(text)
    assert (found.zones, found.wrong, found.lacks) == ((name,), None, None)


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("Calif.", "US-CA"), ("Mass", "US-MA"), ("D.C.", "US-DC"), ("P.R.", "US-PR"), ("N.J.", "US-NJ"),
        ("N. J.", "US-NJ"), ("Fla.", "US-FL"), ("W. Va.", "US-WV"), ("Penna.", "US-PA"), ("N. Dak.", "US-ND"),
        ("Washington D.C.", "US-DC"), ("Wash.", "US-WA"), ("Ont.", "CA-ON"), ("B.C.", "CA-BC"),
        ("P.E.I.", "CA-PE"), ("Québec", "CA-QC"),
    ],
)  # fmt: skip
def test_old_abbreviations_of_a_state_are_read(text, state):
    assert place_of(None, text, None, None, ()).states == (state,)


@pytest.mark.parametrize("text", ["Springfield", "A.B.C.", "X.Y.", "Miss Jane"])
def test_a_text_that_is_no_state_is_said(text):
    found = place_of(None, text, None, None, ())
    assert (found.states, found.problem is None) == ((), False)


def test_a_zip_code_without_its_zero_is_read_with_a_north_american_number():
    assert place_of(None, None, None, "2134.0", ("+12125550148",)).states == ("US-MA", "US-NY")
    assert place_of(None, None, None, "2134", ("+4915112345678",)).states == ()
    assert place_of(None, None, None, "2134", ("+12125550148", "+4915112345678")).states == ("US-NY",)
    assert place_of(None, None, None, "2134", ()).states == ()
    assert place_of(None, None, "Denmark", "2134", ("+12125550148",)).states == ("US-NY",)


def test_a_word_used_in_two_zones_means_both():
    assert readings.of_field("MST").zones == ("America/Denver", "America/Phoenix")
    assert readings.of_field("Michigan").zones == ("America/Detroit", "America/Chicago")


@pytest.mark.parametrize(
    "text", ["UTC-5", "GMT+2", "+02:00", "-0500", "UTC", "gmt", "Etc/GMT+5", "5", "UTC -05:00", "Z"]
)
def test_an_offset_is_no_zone(text):
    found = place_of(text, None, None, None, ())
    assert (found.zones, found.basis) == ((), "none")
    assert "is a UTC offset" in found.problem


@pytest.mark.parametrize("text", ["Etc/Unknown", "n/a", "Springfield", "../../etc/passwd", "Factory", "IST", "-"])
def test_what_cannot_be_read_is_said_and_the_next_basis_counts(text):
    found = place_of(text, "NY", None, None, ())
    assert (found.zones, found.basis) == (("America/New_York",), "address")
    assert "zone field" in found.problem


@pytest.mark.parametrize(
    ("state", "country", "names"),
    [
        ("FL", None, {"America/New_York", "America/Chicago"}),
        ("Florida", "USA", {"America/New_York", "America/Chicago"}),
        ("us-fl", "United States", {"America/New_York", "America/Chicago"}),
        ("Florida (FL)", "", {"America/New_York", "America/Chicago"}),
        ("AZ", "US", {"America/Phoenix", "America/Denver"}),
        ("ID", "US", {"America/Boise", "America/Los_Angeles"}),
        ("AK", "US", {"America/Anchorage", "America/Adak"}),
        ("PR", "US", {"America/Puerto_Rico"}),
        ("ON", "Canada", {"America/Toronto", "America/Winnipeg", "America/Atikokan"}),
        ("Québec", None, {"America/Toronto", "America/Halifax", "America/Blanc-Sablon"}),
        ("Georgia", "Georgia", {"Asia/Tbilisi"}),
        (None, "UK", {"Europe/London"}),
        ("Bayern", "Germany", {"Europe/Berlin"}),
        (None, "Argentina", {"America/Argentina/Buenos_Aires"}),
    ],
)
def test_an_address_gives_every_zone_of_its_state_or_country(state, country, names):
    found = readings.of_address(state or "", country or "")
    assert (set(found.zones), found.wrong) == (names, None)


def test_exactly_fifteen_states_have_two_zones():
    split = {"AK", "AZ", "FL", "ID", "IN", "KS", "KY", "MI", "ND", "NE", "NV", "OR", "SD", "TN", "TX"}
    states = readings.rules("us_zones.toml")["us"]
    assert {code for code, row in states.items() if len(row["zones"]) > 1} == split
    assert len(states) == 51 + 5


@pytest.mark.parametrize(
    ("state", "country", "says"),
    [
        ("AA", None, "is not a US state or a Canadian province"),  # the armed forces are no place
        ("NY", "Narnia", "country 'Narnia' is unknown"),
    ],
)
def test_an_address_that_tells_no_zone_says_why(state, country, says):
    found = place_of(None, state, country, None, ())
    assert (found.zones, found.basis) == ((), "none")
    assert says in found.problem


@pytest.mark.parametrize(
    ("state", "country", "says"),
    [
        ("WA", "Australia", "7 zones; a state is needed"),  # Western Australia is not Washington
        (None, "US", "8 zones; a state is needed"),
        (None, "Russia", "11 zones; a state is needed"),
        ("ZZ", "US", "'ZZ' is not a US state"),
        ("FL", "Canada", "'FL' is not a Canadian province"),
    ],
)
def test_a_country_of_many_zones_means_all_of_them_and_says_so(state, country, says):
    found = place_of(None, state, country, None, ())
    assert set(found.zones) == set(readings.of_country(readings.country_code(country)))
    assert found.basis == "address"
    assert says in found.problem


@pytest.mark.parametrize(
    ("phone", "country", "continents"),
    [
        ("+79123456789", "RU", {"Europe", "Asia"}),
        ("+61412345678", "AU", {"Australia", "Antarctica"}),
        ("+77001234567", "KZ", {"Asia"}),
        ("+5215512345678", "MX", {"America"}),
    ],
)
def test_a_mobile_that_tells_only_its_country_is_open_when_all_of_it_is(phone, country, continents):
    found = place_of(None, None, None, None, (phone,))
    assert found.zones
    assert set(found.zones) <= set(readings.of_country(country)) | {"Asia/Almaty"}
    assert {name.partition("/")[0] for name in found.zones} <= continents
    assert found.basis == "number"


def test_a_country_of_many_zones_widens_nothing_that_is_known_better():
    assert place_of(None, None, "USA", None, ("+12125550148",)).zones == ("America/New_York",)
    assert place_of("Europe/Moscow", None, "Russia", None, ("+79123456789",)).zones == ("Europe/Moscow",)


@pytest.mark.parametrize(
    ("phone", "zones"),
    [
        ("+526141234567", ("America/Chihuahua",)),
        ("+526251234567", ("America/Chihuahua",)),
        ("+526561234567", ("America/Ciudad_Juarez",)),
        ("+526671234567", ("America/Mazatlan",)),
        ("+211912345678", ("Africa/Juba",)),
        ("+74951234567", ("Europe/Moscow",)),
    ],
)
def test_a_number_has_the_clock_of_its_country_today(phone, zones):
    assert place_of(None, None, None, None, (phone,)).zones == zones


@pytest.mark.parametrize(
    ("text", "states"),
    [
        ("75201.0", ("US-TX",)),
        ("75201,00", ("US-TX",)),
        ('="02134"', ("US-MA",)),
        ("2134.0", ("US-MA",)),
        ("'02134", ("US-MA",)),
        ("75,201", ("US-TX",)),
        ("TX 75201", ("US-TX",)),
        ("75201-1234.0", ("US-TX",)),
        ("75201, USA", ("US-TX",)),
        ("75201-", ("US-TX",)),
    ],
)
def test_a_zip_code_that_a_spreadsheet_damaged_is_read(text, states):
    assert place_of(None, None, "US", text, ()).states == states


@pytest.mark.parametrize("phone", ["+18005551234", "+15555555555", "+870773111632", "0123", "call me", "+"])
def test_a_number_without_a_place_gives_no_zone(phone):
    found = place_of(None, None, None, None, (phone,))
    assert (found.zones, found.basis) == ((), "none")
    assert "gives no zone" in found.problem


def test_a_number_without_a_place_is_no_problem_when_the_address_tells():
    assert place_of(None, "NY", "US", None, ("+18005551234",)).problem is None


def test_nothing_known_gives_nothing():
    for nothing in (None, "", "  "):
        found = place_of(nothing, nothing, nothing, nothing, (nothing or "",))
        assert (found.zones, found.basis) == ((), "none")
        assert "the zone is unknown" in found.problem


@given(*[st.none() | st.text(max_size=40)] * 4, st.lists(st.text(max_size=40), max_size=3))
def test_no_text_breaks_the_reading(field, state, country, postal_code, phones):
    found = place_of(field, state, country, postal_code, phones)
    assert set(found.zones) <= zone_names()
    assert bool(found.zones) == (found.basis != "none")


def folded(*names: str) -> set[object]:
    return {readings.zone_rules(name) for name in names}


NEW_YORK, CHICAGO, DENVER, LOS_ANGELES = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles",
)  # fmt: skip


@pytest.mark.parametrize(
    ("pieces", "zones", "states", "basis"),
    [
        # what agrees is one candidate
        (("EST", "NY", "US", "10001", ["+12125551234"]), {NEW_YORK}, ("US-NY",), "field+address+number"),
        # people move and keep their numbers: both places count
        ((None, "NY", None, None, ["+14155551234"]), {NEW_YORK, LOS_ANGELES}, ("US-CA", "US-NY"), "address+number"),
        # every number counts
        ((None, None, None, None, ["+12125551234", "+13125551234"]), {NEW_YORK, CHICAGO}, ("US-IL", "US-NY"), "number"),
        # an area code over two zones is both of them, wherever in it the library thinks the prefix is
        ((None, None, None, None, ["+14235551234"]), {NEW_YORK, CHICAGO}, ("US-TN",), "number"),
        # and so are the codes laid over it, which the library knows nothing of
        ((None, None, None, None, ["+17295551234"]), {NEW_YORK, CHICAGO}, ("US-TN",), "number"),
        ((None, None, None, None, ["+14485551234"]), {NEW_YORK, CHICAGO}, ("US-FL",), "number"),
        # a ZIP code narrows its state, and does without one
        ((None, "TX", "US", "79901", []), {DENVER}, ("US-TX",), "address"),
        ((None, "TX", None, "75201-1234", []), {CHICAGO}, ("US-TX",), "address"),
        ((None, None, None, "79821", ["+19155551234"]), {DENVER, CHICAGO}, ("US-TX",), "address+number"),
        ((None, None, "US", "2134", []), {NEW_YORK}, ("US-MA",), "address"),
        # a zone field that lies inside the others' zones narrows nothing
        (("CST", "FL", None, None, []), {NEW_YORK, CHICAGO}, ("US-FL",), "field+address"),
        # a number without a place says no more than "in the United States"
        ((None, None, None, None, ["+18005551234"]), set(), ("US",), "none"),
        ((None, "NY", None, None, ["+18005551234"]), {NEW_YORK}, ("US-NY",), "address"),
        (("PST", None, None, None, ["+19005551234"]), {LOS_ANGELES}, ("US",), "field"),
        ((None, None, "USA", None, []), set(readings.of_country("US")), ("US",), "address"),
        ((None, None, "USA", None, ["+442079460000"]), {"Europe/London"}, ("US",), "number"),
        # territories, Canada, the rest of the world
        ((None, None, "Puerto Rico", None, []), {"America/Puerto_Rico"}, ("US-PR",), "address"),
        ((None, None, None, None, ["+17875551234"]), {"America/Puerto_Rico"}, ("US-PR",), "number"),
        ((None, None, None, "M5V 2T6", ["+14165551234"]), {"America/Toronto"}, ("CA-ON",), "address+number"),
        ((None, None, "Canada", None, ["+18005551234"]), set(readings.of_country("CA")), (), "address"),
        ((None, None, None, None, ["+442079460000"]), {"Europe/London"}, (), "number"),
        ((None, None, None, None, ["+18765551234"]), {"America/Jamaica"}, (), "number"),
        # five digits are a ZIP code only in the United States
        ((None, None, None, "10115", ["+4930901820"]), {"Europe/Berlin"}, (), "number"),
        ((None, None, "Germany", "10115", []), {"Europe/Berlin"}, (), "address"),
        # nothing at all
        ((None, None, None, None, []), set(), (), "none"),
        (("UTC-5", "", "", "", [""]), set(), (), "none"),
    ],
)  # fmt: skip
def test_a_place_is_every_candidate_that_anything_tells(pieces, zones, states, basis):
    place = place_of(*pieces)
    assert folded(*place.zones) == folded(*zones)
    assert (place.states, place.basis) == (states, basis)
    assert len(place.zones) == len(zones)
    assert list(place.zones) == sorted(place.zones)


@pytest.mark.parametrize(
    ("pieces", "says"),
    [
        ((None, "NY", None, None, ["+14155551234"]), "the address says NY, the number CA"),
        ((None, "NY", "US", "90210", []), "the address says NY, its postal code CA"),
        (("PST", "NY", None, None, []), "the zone field says America/Los_Angeles, the address America/New_York"),
        (("Europe/London", None, None, None, ["+12125551234"]), "the zone field says Europe/London, the number"),
    ],
)
def test_a_disagreement_is_a_conflict_with_a_problem(pieces, says):
    place = place_of(*pieces)
    assert place.conflict
    assert says in place.problem


@pytest.mark.parametrize(
    "pieces",
    [
        ("America/Detroit", "MI", "US", "48201", ["+13135551234"]),  # the number's data say New York
        ("MST", "AZ", "US", "85001", ["+16025551234"]),
        (None, "FL", "US", "32501", ["+18505551234"]),
        (None, "NY", "US", None, ["+18005551234"]),
    ],
)
def test_what_agrees_is_no_conflict_and_needs_no_word(pieces):
    place = place_of(*pieces)
    assert (place.conflict, place.problem) == (False, None)


@pytest.mark.parametrize(
    ("pieces", "says"),
    [
        (("UTC-5", "NY", None, None, []), "zone field 'UTC-5' is a UTC offset"),
        ((None, "ZZ", "US", None, ["+12125551234"]), "'ZZ' is not a US state"),
        ((None, "NY", "US", "ABC", []), "the postal code is not a US ZIP code"),
        ((None, None, "Canada", "10001", []), "the postal code is not a Canadian one"),
        ((None, None, "US", "09012", []), "armed forces"),
        ((None, "NY", None, None, ["call me"]), "the number cannot be read"),
        ((None, None, None, None, ["+18005551234"]), "the number belongs to no place"),
        ((None, None, None, None, []), "the zone is unknown"),
    ],
)
def test_an_unread_text_is_a_problem(pieces, says):
    place = place_of(*pieces)
    assert says in place.problem
    assert not place.conflict


def test_of_zones_with_one_clock_the_fields_name_is_kept_else_the_usual_one():
    assert place_of("America/Detroit", None, None, None, ["+12125551234"]).zones == ("America/Detroit",)
    assert place_of(None, "MI", "US", "48201", ["+12125551234"]).zones == ("America/New_York",)
    assert place_of(None, "MI", "US", "48201", []).zones == ("America/Detroit",)
    assert place_of("US/Eastern", "NY", None, None, []).zones == ("US/Eastern",)


def test_a_number_may_be_national_when_the_address_tells_the_country():
    assert place_of(None, "NY", None, None, ["(212) 555-1234"]).basis == "address+number"
    assert place_of(None, None, "UK", None, ["020 7946 0000"]).zones == ("Europe/London",)


def test_neighbours_share_what_is_remembered_of_them():
    location._place.cache_clear()
    for number in range(1000):
        place_of("", "FL", "US", f"325{number % 100:02}", [f"+1850{5550000 + number}"])
    assert location._place.cache_info().misses == 1


def test_the_basis_fits_its_column():
    assert len("field+address+number") <= 32


@given(*[st.none() | st.text(max_size=40)] * 4, st.lists(st.text(max_size=20), max_size=3))
def test_no_text_breaks_a_place(field, state, country, code, phones):
    place = place_of(field, state, country, code, phones)
    assert set(place.zones) <= zone_names()
    assert bool(place.zones) == (place.basis != "none")
    assert place.zones or place.problem


CODES = sorted(area_codes.table())


@given(st.sampled_from([*sorted(readings.states())[:60], ""]), st.lists(st.sampled_from(CODES), max_size=3))
def test_no_basis_is_lost_when_they_are_joined(state, codes):
    place = place_of(None, state, "", "", [f"+1{code}5551234" for code in codes])
    kept = folded(*place.zones)
    assert folded(*readings.of_address(state, "").zones) <= kept
    for code in codes:
        assert folded(*area_codes.table()[code].zones) <= kept
        assert set(area_codes.table()[code].states) <= set(place.states)
