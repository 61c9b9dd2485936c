"""The demonstration behind `make run`: every process of the Procfile, and one merchant's story through the broker."""
