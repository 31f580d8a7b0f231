"""Declarative policy as code for AI gateways and agents."""
