"""Azure Resource Manager: ids, records, kinds of resources, long operations, and who speaks them."""
