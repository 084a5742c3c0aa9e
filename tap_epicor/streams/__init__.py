"""Singer streams: pages become RECORD lines, bookmarks move."""
