"""Pure decisions of the advisor: values in, values out."""
