"""Promises for machines: schemas of all that comes in and goes out, made from the models that check it."""
