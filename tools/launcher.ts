/**
 * The executable that starts a program: a few lines of sh. It forks nothing in the ordinary case
 * (2 ms; `readlink` and `dirname` would be 8 ms more) and leaves its process to Node by `exec`.
 */

/**
 * Node's flags. `--title` names the process for ps, pidof and pgrep. One V8 worker instead of four
 * saves three threads and costs nothing at start. No V8 flag stands here: `--max-semi-space-size=1`
 * would make V8 reject the code cache in Node's binary, which costs 12 ms of CPU at every start.
 */
const NODE = (name: string): string => `node --title=${name} --v8-pool-size=1`;

/** Starts `name` from a folder beside its own, through symbolic links and from any directory. */
export function movableLauncher(name: string, libraryFromHere: string): string {
  return [
    '#!/bin/sh',
    'here=${0%/*}',
    `[ -e "$here/${libraryFromHere}/${name}.cjs" ] || here=$(dirname "$(readlink -f "$0")")`,
    `exec ${NODE(name)} "$here/${libraryFromHere}/${name}.cjs" "$@"`,
    '',
  ].join('\n');
}

/** Starts `name` from where it is installed. */
export function installedLauncher(name: string, library: string): string {
  return ['#!/bin/sh', `exec ${NODE(name)} ${library}/${name}.cjs "$@"`, ''].join('\n');
}
