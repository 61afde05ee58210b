"""A page in a browser that shows the picture and holds the controls; everything here needs aiohttp."""
