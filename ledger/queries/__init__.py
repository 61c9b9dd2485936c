"""Reading the books: all that the API may import of the ledger beside its vocabulary. Nothing here writes."""
