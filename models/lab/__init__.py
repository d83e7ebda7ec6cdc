"""Training and evaluation: the only place, beside `models.networks`, where torch may be imported."""
