"""Who may do what, and what nobody can do: docs/security.md names the test of each threat."""
