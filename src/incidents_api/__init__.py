"""The incident event store: incidents, actors, locations, sources and statistics served over HTTP."""

__version__ = "0.1.0"
