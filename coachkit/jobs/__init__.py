"""What is done in the background: who may do it, how often it is tried, and who is woken. Knows no kind of work."""
