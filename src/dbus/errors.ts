/**
 * Errors on the bus: `DBusError` is what the far side answered or is to be told by that very name;
 * what else a handler throws becomes one of ConnMan's errors. Stacks go to the log, never out.
 */

/** An error with a D-Bus error name: `error.name` is it, e.g. `net.connman.Agent.Error.Retry`. */
export class DBusError extends Error {
  constructor(name: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = name;
  }
}
