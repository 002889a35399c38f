"""A machine that patches itself: by its release's policy, unless its owner says otherwise."""
