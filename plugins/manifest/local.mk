# plugins of kind manifest
