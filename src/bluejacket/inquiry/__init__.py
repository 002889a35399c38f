"""Questions about what other rooms left: where a version is, what an image lacks, how far practice goes.

Nothing is made here. The one file written, `index.sqlite`, is derived and may be removed at any time.
"""
