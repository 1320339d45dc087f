"""Quality-diversity evolution of debate strategies."""
