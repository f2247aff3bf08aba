"""Pure decisions of the scanner: values in, values out."""
