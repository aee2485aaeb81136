"""Controllers bring objects closer to what their spec says: each looks at the store and does what is due."""
