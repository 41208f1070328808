"""What people answer: reading a questionnaire and checking its shape. Pure: values in, values out."""
