"""A person's possible places, from numbers, addresses and zone fields."""
