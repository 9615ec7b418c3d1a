"""Keeping what a step would destroy, and giving it back in the step that undoes it."""
