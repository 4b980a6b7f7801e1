/**
 * Where things are installed and where the daemons look, by the GNU names. Below /usr the machine's
 * own /etc, /var and /run are meant; under another prefix everything stays below it, as with
 * autoconf. Invariant: every value is an absolute path.
 */

/** The directories, by flag; `with-…` spellings are ConnMan's. */
export const DIRECTORY_FLAGS = {
  prefix: 'prefix',
  bindir: 'bindir',
  sbindir: 'sbindir',
  libdir: 'libdir',
  sysconfdir: 'sysconfdir',
  localstatedir: 'localstatedir',
  runstatedir: 'runstatedir',
  datadir: 'datadir',
  datarootdir: 'datadir',
  mandir: 'mandir',
  'with-dbusconfdir': 'dbusconfdir',
  'with-dbusdatadir': 'dbusdatadir',
  'with-systemdunitdir': 'systemdunitdir',
  'with-tmpfilesdir': 'tmpfilesdir',
} as const satisfies Readonly<Record<string, keyof Directories>>;

/** Configured directories. */
export interface Directories {
  readonly prefix: string;
  /** connmanctl. */
  readonly bindir: string;
  /** The daemons. */
  readonly sbindir: string;
  /** The programs' code lies in `<libdir>/causeway`. */
  readonly libdir: string;
  /** main.conf is `<sysconfdir>/connman/main.conf`. */
  readonly sysconfdir: string;
  /** State that stays: `<localstatedir>/lib/connman`. */
  readonly localstatedir: string;
  /** State until reboot: `<runstatedir>/connman`. */
  readonly runstatedir: string;
  readonly datadir: string;
  readonly mandir: string;
  /** The bus policy goes to `<dbusconfdir>/dbus-1/system.d`. */
  readonly dbusconfdir: string;
  /** Bus activation goes to `<dbusdatadir>/dbus-1/system-services`. */
  readonly dbusdatadir: string;
  readonly systemdunitdir: string;
  readonly tmpfilesdir: string;
}

/** Fills in what `given` leaves open. */
export function completeDirectories(given: Partial<Directories>): Directories {
  const prefix = given.prefix ?? '/usr';
  const isSystem = prefix === '/usr';
  const below = prefix === '/' ? '' : prefix;
  const sysconfdir = given.sysconfdir ?? (isSystem ? '/etc' : `${below}/etc`);
  const localstatedir = given.localstatedir ?? (isSystem ? '/var' : `${below}/var`);
  const datadir = given.datadir ?? `${below}/share`;
  return {
    prefix,
    bindir: given.bindir ?? `${below}/bin`,
    sbindir: given.sbindir ?? `${below}/sbin`,
    libdir: given.libdir ?? `${below}/lib`,
    sysconfdir,
    localstatedir,
    runstatedir: given.runstatedir ?? (isSystem ? '/run' : `${localstatedir}/run`),
    datadir,
    mandir: given.mandir ?? `${datadir}/man`,
    dbusconfdir: given.dbusconfdir ?? sysconfdir,
    dbusdatadir: given.dbusdatadir ?? datadir,
    systemdunitdir: given.systemdunitdir ?? `${below}/lib/systemd/system`,
    tmpfilesdir: given.tmpfilesdir ?? `${below}/lib/tmpfiles.d`,
  };
}
