// Functions without a body need an assembly file in their package, so that the
// compiler doesn't refuse them. Pin and Unpin are the runtime's.
