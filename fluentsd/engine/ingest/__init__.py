"""Imports: the rows of a file and the records of a CRM become batches of people, which one service stores."""
