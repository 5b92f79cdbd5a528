# plugins of kind cache
