"""Scratch databases: made, filled with a schema and rows, compared and dropped."""
