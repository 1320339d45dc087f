"""Chat models: one interface, many engines."""
