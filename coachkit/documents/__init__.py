"""What a reader gets: a resource of an edition resolved for one locale, and its representations."""
