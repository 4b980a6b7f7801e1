/**
 * Reduced rights of VPN programs: the group `[DACPrivileges]` of connman-vpn.conf and of
 * `vpn-plugin/TYPE.conf` (connman-vpn.conf(5)), with names looked up in passwd(5) and group(5).
 * Invariant: what cannot be looked up means no user of that name: the program is not started as root
 * by mistake, it is refused.
 */

import type { ChildOptions } from '../src/daemon/children.ts';
import type { KeyFile } from '../src/shared/keyfile.ts';
import { text, textList, type OptionsOf, type OptionTable } from '../src/shared/options.ts';

/** User and groups of a program. */
export interface Privileges {
  readonly uid: number;
  readonly gid: number;
  /** Further groups. */
  readonly groups: readonly number[];
  /** The user counts as the system itself: programs keep their files where the system has them. */
  readonly isSystem: boolean;
}

/** `[DACPrivileges]`. */
export const DAC_PRIVILEGES = {
  User: { parse: text, default: undefined, about: 'user as whom VPN programs run, name or number' },
  Group: { parse: text, default: undefined, about: 'their group, name or number' },
  SupplementaryGroups: { parse: textList, default: [], about: 'further groups' },
  SystemBinaryUsers: { parse: textList, default: [], about: 'users that count as the system itself' },
} as const satisfies OptionTable;

/** What the file says. */
export type DacOptions = OptionsOf<typeof DAC_PRIVILEGES>;

/** The texts of passwd and group. */
export interface Accounts {
  readonly passwd: string;
  readonly group: string;
}

/** The rights asked for; undefined for those of the daemon itself. Throws Error for unknown names. */
export function resolvePrivileges(options: DacOptions, accounts: Accounts): Privileges | undefined {
  const { User, Group, SupplementaryGroups, SystemBinaryUsers } = options;
  if (User === undefined && Group === undefined && SupplementaryGroups.length === 0) return undefined;
  const user = User === undefined ? undefined : findEntry(accounts.passwd, User);
  if (User !== undefined && user === undefined) throw new Error(`there is no user ${User}`);
  const group = Group === undefined ? undefined : findEntry(accounts.group, Group);
  if (Group !== undefined && group === undefined) throw new Error(`there is no group ${Group}`);
  const groups = SupplementaryGroups.map((name) => {
    const entry = findEntry(accounts.group, name);
    if (entry === undefined) throw new Error(`there is no group ${name}`);
    return entry.id;
  });
  const uid = user?.id ?? 0;
  const isSystem = uid === 0 || SystemBinaryUsers.some((name) => findEntry(accounts.passwd, name)?.id === uid);
  return { uid, gid: group?.id ?? user?.gid ?? 0, groups, isSystem };
}

/** A program with these rights: what starts it as user and group, and setpriv(1) where there are more groups. */
export function withPrivileges(file: string, args: readonly string[], privileges: Privileges | undefined): Pick<
  ChildOptions, 'file' | 'args' | 'user'
> {
  if (privileges === undefined) return { file, args };
  const { uid, gid, groups } = privileges;
  if (groups.length === 0) return { file, args, user: { uid, gid } };
  const rights = [`--reuid=${uid}`, `--regid=${gid}`, `--groups=${[...groups].join(',')}`];
  return { file: 'setpriv', args: [...rights, '--', file, ...args] };
}

/** Whether a file has the group at all. */
export function hasDacPrivileges(file: KeyFile | undefined): file is KeyFile {
  return file?.hasGroup('DACPrivileges') === true;
}

function findEntry(table: string, nameOrId: string): { id: number; gid: number } | undefined {
  for (const line of table.split('\n')) {
    const [name, , id, gid] = line.split(':');
    if (name === undefined || id === undefined) continue;
    if (name === nameOrId || id === nameOrId) return { id: Number(id), gid: Number(gid) };
  }
  return /^[0-9]{1,9}$/.test(nameOrId) ? { id: Number(nameOrId), gid: Number(nameOrId) } : undefined;
}
