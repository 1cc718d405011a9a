/**
 * What `lbtop completion SHELL` prints. The scripts know nothing: they ask `lbtop completion candidates -- WORDS…`, whose
 * first line says what is offered (`words`, `files`, or `command N`: a command line of its own from word N on), and whose
 * further lines are candidates, each with its help after a tab.
 */

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** Returns the script for a shell; it works for every name that the program is called by. */
export function completionScript(shell: Shell): string {
  return scripts[shell];
}

// bash cuts words at = and : as well. What it cut is joined again by what stands between, and taken off the candidates.
const bash = `# eval "$(lbtop completion bash)"
_lbtop() {
  local at=$COMP_CWORD joined=() gaps=$COMP_LINE word i kind rest text
  for ((i = 0; i <= at; i++)); do
    word=\${COMP_WORDS[i]}
    rest=\${gaps%%"$word"*}
    gaps=\${gaps#*"$word"}
    if ((i > 0)) && [[ -z $rest && -n $word ]]; then
      joined[\${#joined[@]}-1]+=$word
    else
      joined+=("$word")
    fi
  done
  local whole=\${joined[\${#joined[@]}-1]} part=\${COMP_WORDS[at]}
  [[ $part == [=:] ]] && part=
  local cut=\${whole%"$part"}
  COMPREPLY=()
  {
    IFS= read -r kind || return
    case $kind in
      files) compopt -o default ;;
      command*)
        if ((\${kind#command } == \${#joined[@]} - 2)); then
          COMPREPLY=($(compgen -c -- "$part"))
        else
          compopt -o default
        fi ;;
      words)
        while IFS=$'\\t' read -r text rest; do COMPREPLY+=("\${text#"$cut"}"); done
        [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]} =~ ^[0-9]+$ && $whole == *.* ]] && compopt -o nospace ;;
    esac
  } < <("\${joined[0]}" completion candidates -- "\${joined[@]:1}" 2>/dev/null)
}
complete -F _lbtop lbtop
`;

const zsh = `#compdef lbtop
# eval "$(lbtop completion zsh)"
_lbtop() {
  local -a lines offered
  local line kind
  lines=("\${(@f)$("\${words[1]}" completion candidates -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  kind=$lines[1]
  case $kind in
    files) _files ;;
    command*)
      local first=$((\${kind#command } + 2))
      words=("\${(@)words[first,-1]}")
      ((CURRENT -= first - 1))
      _normal ;;
    words)
      for line in "\${(@)lines[2,-1]}"; do
        [[ $line == *$'\\t'?* ]] && offered+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}") ||
          offered+=("\${\${line%%$'\\t'*}//:/\\\\:}")
      done
      _describe lbtop offered ;;
  esac
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -D }
compdef _lbtop lbtop
`;

const fish = `# lbtop completion fish | source
function __lbtop_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($words[1] completion candidates -- $words[2..] "$current" 2>/dev/null)
    switch "$lines[1]"
        case files
            __fish_complete_path "$current"
        case 'command *'
            set -l first (math (string replace 'command ' '' -- $lines[1]) + 2)
            complete -C (string join ' ' -- (string escape -- $words[$first..]) "$current")
        case words
            printf '%s\\n' $lines[2..]
    end
end
complete -c lbtop -e
complete -c lbtop -f -a '(__lbtop_complete)'
`;

const scripts: Readonly<Record<Shell, string>> = { bash, zsh, fish };
