"""Any RPM repository, Fedora's as it really is.

    source      where a repository is found, and which keys may sign for it
    metalink    mirrors, with the hash of repomd.xml
    repomd      the index of indexes: names, sizes and hashes
    refresh     from a source to a Repository: verified metadata, never older than the last
    reopen      the Repository as it was last accepted, offline
    repository  a Repository: loads into libsolv, says where each package is and what its hash is
    package     an RPM's own signature and digests
    comps, updateinfo, modules   typed objects of the other metadata

The trust of Fedora is TLS to the metalink's host -> hash of repomd.xml -> hashes of the data ->
hash of the package, and each package's own signature. Both are demanded.

Nothing is imported here, so that loading a cached repository costs no import of HTTP libraries.
"""
