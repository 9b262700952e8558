"""CSV import: the file is read on the user's machine, normalised, and passed to the engine in batches."""
