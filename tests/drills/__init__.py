"""The drills of docs/operations.md, carried out by the very commands that it prints."""
