"""Pure decisions of the bracket_guard: values in, values out."""
