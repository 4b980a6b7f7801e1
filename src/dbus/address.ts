/**
 * Where buses are: server addresses (D-Bus specification, "Server Addresses").
 */

/** The address of the system bus: DBUS_SYSTEM_BUS_ADDRESS, or the well-known one. */
export function systemBusAddress(env: Readonly<Record<string, string | undefined>>): string {
  return env['DBUS_SYSTEM_BUS_ADDRESS'] ?? 'unix:path=/var/run/dbus/system_bus_socket';
}

/**
 * The unix socket paths of an address list, in order of preference; `@` begins an abstract name.
 * What is not reached by a unix socket is left out. Empty for a text that is no address.
 */
export function parseBusAddress(text: string): string[] {
  const paths: string[] = [];
  for (const address of text.split(';')) {
    if (!address.startsWith('unix:')) continue;
    for (const pair of address.slice('unix:'.length).split(',')) {
      const [key, value] = pair.split('=', 2);
      const path = value === undefined ? undefined : unescape(value);
      if (path === undefined || path === '') continue;
      if (key === 'path') paths.push(path);
      if (key === 'abstract') paths.push(`@${path}`);
    }
  }
  return paths;
}

/** Server addresses escape bytes as %XX. */
function unescape(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}
