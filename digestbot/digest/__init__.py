"""The digest: composed (pure), then rendered (Jinja)."""
