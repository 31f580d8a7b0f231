"""The policy language: models, YAML, schemas, desugaring, checks."""
