"""How Airflow does Baton's work: operators, triggers, notifications, defaults and the plugin that registers them."""
