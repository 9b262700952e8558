"""Files of people taken in: read where the person sits, normalised, handed over in batches."""
