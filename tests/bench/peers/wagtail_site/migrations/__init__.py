"""The steps to the site's tables."""
