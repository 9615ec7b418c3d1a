"""One file a resource of the API; each method is one call."""
