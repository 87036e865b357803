// The front door of the Identity module.
