"""Others that do the same work: the floor and two migration tools."""


class NotHere(Exception):
    """A peer cannot be had on this machine; the text says why."""
