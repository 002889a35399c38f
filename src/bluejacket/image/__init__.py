"""From a feed and an image's definition to a disk that boots, and to the papers that go with it."""
