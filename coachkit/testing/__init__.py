"""What authors of packs and plugins import in their own tests."""
