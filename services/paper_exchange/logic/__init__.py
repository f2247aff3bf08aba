"""Pure decisions of the paper_exchange: values in, values out."""
