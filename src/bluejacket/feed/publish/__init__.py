"""Publishing: a release's feed to where machines find it, a folder or a cloud's object storage."""
