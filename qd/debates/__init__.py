"""debates."""
