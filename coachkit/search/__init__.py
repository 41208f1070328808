"""Finding what a reader asks for in the texts of one edition and locale: values in, results out."""
