"""What one ARI operation asks for, before it becomes a frame; the generated operations build it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Request(Generic[T_co]):
    """One operation with its arguments. `answers` is the type of a 2xx answer's body, None where there is none.

    `path` is percent-encoded and has no leading slash; `query` values are raw text, the frame carries them apart.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, object] | None = None
    answers: type[T_co] | None = None
