"""`python -m coachkit.cli` is `coachkit`, for whoever starts it without its script."""

from coachkit.cli import main

main()
