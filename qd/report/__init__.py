"""How results are shown: text for terminals, HTML for browsers."""
