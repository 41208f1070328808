"""What a plugin can do: the types, the specs, the manager, and the dispatch that keeps the promises."""
