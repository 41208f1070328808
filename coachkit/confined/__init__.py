"""Reads what others wrote in a process of its own, with limits that the kernel keeps."""
