"""The commands of operators and authors."""
