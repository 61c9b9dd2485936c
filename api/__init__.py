"""HTTP: what the BFF reads of the books, and what an operator asks of the service."""
