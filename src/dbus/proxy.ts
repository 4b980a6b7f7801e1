/**
 * Objects elsewhere as plain functions: one per described method, arguments by name in, result out.
 */

import { compileInterface, type CompiledMethod, namedBody, resultOf } from './compiled.ts';
import type { Connection } from './connection.ts';
import type { CallOptions, InterfaceShape, Proxy } from './interface.ts';

/** Makes the functions of `description` for the object at `path` of `destination`. */
export function createProxy<D extends InterfaceShape>(
  connection: Connection,
  description: D,
  destination: string,
  path: string,
): Proxy<D> {
  const { name, methods } = compileInterface(description);
  const functions: Record<string, unknown> = {};
  for (const method of methods.values()) {
    const target = { destination, path, interface: name, member: method.name };
    functions[method.name] = (args?: object, options?: CallOptions) =>
      call(connection, target, method, { args, options });
  }
  // Made from the same description that the type is derived from.
  return functions as Proxy<D>;
}

async function call(
  connection: Connection,
  target: Parameters<Connection['call']>[0],
  method: CompiledMethod,
  { args, options }: { args: object | undefined; options: CallOptions | undefined },
): Promise<unknown> {
  const body = namedBody(method.in, args);
  if (method.noReply) return connection.callWithoutReply(target, body);
  const reply = await connection.call(target, body, { ...options, signature: method.out.signature });
  return resultOf(method.out, reply.body);
}
