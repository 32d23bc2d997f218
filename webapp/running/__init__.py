"""Operation of the product: its processes, data folder, broker and scheduler."""
