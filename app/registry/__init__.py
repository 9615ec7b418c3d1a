"""The registry of environments, as liftlock.toml writes it: read to values, or every problem with its line."""
