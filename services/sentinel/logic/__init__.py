"""Pure decisions of the sentinel: values in, values out."""
