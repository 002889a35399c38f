"""Measuring a release against the Secure Supply Chain Consumption Framework (S2C2F, OpenSSF, version 1.1).

https://github.com/ossf/s2c2f: eight practices, 25 requirements, four levels. Each requirement here is a
function that looks for evidence. What has none counts as not met.
"""
