"""Values that are revised all the time: immutable structs whose changed copy is made by one call of C (msgspec's).

A changed copy of a run's 22 fields costs 0.2 us, 4 us with slots written from Python, 11 us with
`dataclasses.replace`, and there are eight of a call on its way and eighty in a short script. What is seldom revised
stays a dataclass.
"""

from msgspec import Struct, field
from msgspec.structs import asdict
from msgspec.structs import replace as revised

__all__ = ["Struct", "asdict", "field", "revised"]
