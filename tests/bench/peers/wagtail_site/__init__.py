"""A Wagtail site with one page, read through Wagtail's API, as its users would set it up for production."""
