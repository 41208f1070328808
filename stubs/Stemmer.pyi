# The part of PyStemmer that CoachKit uses; it ships no types of its own.

class Stemmer:
    def __init__(self, algorithm: str, maxCacheSize: int = ...) -> None: ...  # noqa: N803 its own name
    def stemWord(self, word: str) -> str: ...  # noqa: N802 its own name
