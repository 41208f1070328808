# The part of Huey that CoachKit uses, as its source has it; it ships no types of its own.

from .api import Huey as Huey
