"""The checks of the publish gate, one module each; gate.py runs them all (pure).

Every check takes a Subject and yields problems. None relies on another having found nothing: what could not be read, or
is reported by another check, is left alone.
"""
