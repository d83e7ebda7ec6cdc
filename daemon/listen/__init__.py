"""`affectd listen`: a subscriber that keeps count of what came, what came twice and what never came."""
