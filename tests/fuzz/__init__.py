"""Fuzzing of everything that strangers and files reach. `make test` spends about a minute on it, `make fuzz` as long as
MINUTES says; an input that fails is kept as an `@example` of its test."""
