"""Pure decisions of the dashboard: values in, values out."""
