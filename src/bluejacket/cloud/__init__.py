"""A cloud on one machine: Azure Resource Manager's protocol, and virtual machines that really run."""
