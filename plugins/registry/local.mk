# plugins of kind registry
