"""What ``langgraph.json`` points at. The platform loads this file by path under another name, so it defines nothing."""

from graph.studio import graph

__all__ = ["graph"]
