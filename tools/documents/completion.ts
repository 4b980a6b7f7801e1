/**
 * Completion for three shells. What may come next only connmanctl knows (it asks the daemon for the
 * services of this moment): each script asks `connmanctl __complete WORD...` and shows what it says,
 * a candidate a line with its meaning after a tab.
 */

/** For bash-completion(1). */
export const BASH = `# bash completion for connmanctl
_connmanctl() {
  local IFS=$'\\n'
  COMPREPLY=($(connmanctl __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1))
}
complete -o default -F _connmanctl connmanctl
`;

/** For zshcompsys(1). */
export const ZSH = `#compdef connmanctl
local -a candidates
local word about
while IFS=$'\\t' read -r word about; do
  candidates+=("\${word//:/\\\\:}:\${about}")
done < <(connmanctl __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
_describe connmanctl candidates
`;

/** For fish(1). */
export const FISH = `# fish completion for connmanctl
function __connmanctl_candidates
    set -l words (commandline -opc)
    connmanctl __complete $words[2..-1] (commandline -ct) 2>/dev/null
end
complete -c connmanctl -f -a '(__connmanctl_candidates)'
`;
