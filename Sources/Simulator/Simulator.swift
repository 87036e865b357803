// The front door of the Simulator module.
