"""Quality-diversity evolution of debate strategies."""

# No module may exist under two names: in a checkout this folder could also be found by itself.
if __name__ != "debateqd.qd":
    raise ImportError(f"import debateqd.qd, not {__name__}", name=__name__)
