"""Where people may be: from numbers, addresses, and what is written of them."""
