"""The ground: what every room needs and what knows no organization rule."""
