"""What authors write: reading, checking and compiling packs. Pure: values in, values out."""
