"""The tests' own ground: databases, brokers, processes and servers are what tests/conftest.py says they are."""
