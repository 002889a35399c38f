"""RPM packages: converted, built from source, signed, inspected."""
