"""Pure decisions of the executor: values in, values out."""
