from collections.abc import Callable
from typing import Any

from .serializer import Serializer
from .storage import BaseStorage

class Task:
    args: tuple[Any, ...]
    def __init__(self, args: tuple[Any, ...] | None = ...) -> None: ...

class Huey:
    storage: BaseStorage
    def __init__(
        self,
        name: str = ...,
        results: bool = ...,
        *,
        serializer: Serializer | None = ...,
        storage_class: type[BaseStorage] | None = ...,
        **storage_kwargs: Any,
    ) -> None: ...
    def task(self, *, name: str | None = ...) -> Callable[[Callable[..., Any]], Any]: ...
    def enqueue(self, task: Task) -> None: ...
    def dequeue(self) -> Task | None: ...
    def deserialize_task(self, data: bytes) -> Task: ...
