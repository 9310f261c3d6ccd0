"""Pictures of scripts (pure): SVG with a layered layout of our own, and Mermaid text."""
